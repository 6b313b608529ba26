/**
 * A mailed code as a second factor: the weakest one, which nobody has to set up (pages/next-need.ts says when it is
 * asked for). A code is of one sign-in page and one account, so that one that was read to a stranger signs nobody in
 * elsewhere. Tries are counted like those of other short codes, before anything is looked at.
 */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Mail } from '../mail/mail.ts';
import { digest } from '../storage/digest.ts';
import type { Database } from '../storage/tables.ts';
import type { MailBudget } from '../throttle/mail-budget.ts';
import type { SignInThrottle, ThrottledAttempt } from '../throttle/sign-in-throttle.ts';
import type { By } from './account.ts';
import { findAccount, findSettledAccount } from './account-store.ts';
import type { MailedProofs } from './mailed-proofs.ts';

/** One account at one sign-in page. */
export interface MailedFactorPlace {
  readonly accountId: string;
  /** What names the sign-in page: the uid of its interaction. */
  readonly visit: string;
  /** Tries are counted apart from those of passwords, by which strangers may be filling the account's limits. */
  readonly apart?: boolean | undefined;
}

export type MailedFactorOutcome =
  /** `at`: ms, from before the account was read. */
  | { readonly kind: 'ok'; readonly at: number }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'locked'; readonly retryAfterSeconds: number };

export interface MailedFactor {
  /** Whether a code can be sent: there is mail, and the address was proved to be theirs. */
  has(accountId: string): Promise<boolean>;
  /** Writes the mail, unless the budget is spent; answers nothing of either. Voids the code before it. */
  send(place: MailedFactorPlace, o: { app?: string; by: By }): Promise<void>;
  verify(place: MailedFactorPlace, code: string, by: By): Promise<MailedFactorOutcome>;
}

const PURPOSE = 'second-factor';

export interface MailedFactorParts {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly audit: Pick<Audit, 'append' | 'later'>;
  readonly mail: Pick<Mail, 'kind' | 'write'>;
  readonly proofs: MailedProofs;
  readonly budget: MailBudget;
  readonly throttle: SignInThrottle;
  readonly lifetimes: Pick<Lifetimes, 'mailedCode'>;
}

export function createMailedFactor(parts: MailedFactorParts): MailedFactor {
  const { db, clock, audit, mail, proofs, budget, throttle, lifetimes } = parts;
  const subjectOf = ({ accountId, visit }: MailedFactorPlace) => digest(JSON.stringify([visit, accountId]));

  async function reachable(accountId: string) {
    if (mail.kind === 'off') return undefined;
    const account = await findAccount(db, accountId);
    return account?.status === 'active' && account.emailVerified ? account : undefined;
  }

  return {
    has: async (accountId) => (await reachable(accountId)) !== undefined,
    async send(place, { app, by }) {
      const account = await reachable(place.accountId);
      if (!account) return;
      const network = by.network ?? '';
      // Whoever comes this far has proved the first factor: strangers cannot spend this share.
      if (!(await budget.take({ address: account.emailCanonical, network, known: true }))) return;
      const { id: accountId, email: to } = account;
      const subject = subjectOf(place);
      const lifetimeSeconds = lifetimes.mailedCode;
      await db.transaction().execute(async (trx) => {
        const proof = { purpose: PURPOSE, subject, accountId, email: to, lifetimeSeconds } as const;
        const { code } = await proofs.issue(trx, proof);
        await mail.write(trx, {
          kind: 'second-factor-code',
          key: `${PURPOSE}:${subject}:${clock.now()}`,
          accountId,
          to,
          locale: account.profile.locale,
          data: { code, minutes: Math.ceil(lifetimeSeconds / 60), app, network: by.network },
        });
      });
    },
    async verify(place, code, by) {
      const { accountId } = place;
      const at = clock.now();
      const account = await findSettledAccount(db, accountId);
      if (account?.status !== 'active') return { kind: 'wrong' };
      const counted: ThrottledAttempt = {
        account: account.emailCanonical,
        network: by.network ?? '',
        code: 'short',
        ...(place.apart && { device: subjectOf(place) }),
      };
      const refuse = (reason: 'wrong' | 'locked') =>
        audit.later({ type: 'second-factor.refused', detail: { factor: 'email', reason }, accountId, ...by });
      const admitted = await throttle.check(counted);
      if (admitted.kind === 'wait') {
        refuse('locked');
        return { kind: 'locked', retryAfterSeconds: admitted.retryAfterSeconds };
      }
      const taken = await db.transaction().execute(async (trx) => {
        const proof = await proofs.redeemCode(trx, PURPOSE, subjectOf(place), code);
        if (proof?.accountId !== accountId) return false;
        const detail = { factor: 'email' } as const;
        await audit.append(trx, { type: 'second-factor.accepted', detail, accountId, ...by });
        return true;
      });
      if (!taken) {
        refuse('wrong');
        return { kind: 'wrong' };
      }
      await throttle.succeeded(counted);
      return { kind: 'ok', at };
    },
  };
}
