/**
 * Signing in by a mailed code. The code belongs to one sign-in page in one browser: typed anywhere else it is wrong, and
 * the mail holds no link, so that neither forwarding it nor a scanner signs anybody in. It is one factor, the mailbox;
 * what else the sign-in needs is asked for afterwards.
 */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Mail } from '../mail/mail.ts';
import { digest } from '../storage/digest.ts';
import type { Database } from '../storage/tables.ts';
import type { CodeThrottle } from '../throttle/code-throttle.ts';
import type { Device } from '../throttle/device-cookie.ts';
import type { MailBudget } from '../throttle/mail-budget.ts';
import type { Account, By } from './account.ts';
import { findAccount, findAccountByEmail } from './account-store.ts';
import { markVerified } from './email-verification.ts';
import { canonicalEmail } from './emails.ts';
import { isKnownBrowser } from './known-browser.ts';
import { mailSignInCode } from './mailed-code.ts';
import type { MailedProofs } from './mailed-proofs.ts';

export type CodeSignIn =
  /** `at`, in ms, is from before the account was read: whatever ends its access afterwards ends this sign-in too. */
  | { readonly kind: 'signed-in'; readonly account: Account; readonly amr: ['email']; readonly at: number }
  /** Or used, replaced, too old, for another page, or nobody's: the same. */
  | { readonly kind: 'wrong' }
  | { readonly kind: 'wait'; readonly retryAfterSeconds: number };

export interface SignInCodes {
  /** Mails a code for this visit. `asked` says nothing about who has an account. */
  ask(o: {
    /** Names the sign-in page: guessed by nobody, and this browser's alone. */
    visit: string;
    email: string;
    app: string;
    network: string;
    locale?: string | undefined;
    /** What the browser's device cookie says once its MAC has been verified: its own account's mails have a share. */
    device?: Device | undefined;
  }): Promise<'asked' | 'no-address'>;
  redeem(o: {
    visit: string;
    code: string;
    network: string;
    requestId?: string | undefined;
  }): Promise<CodeSignIn>;
}

const PURPOSE = 'sign-in';

export function createSignInCodes({
  db,
  clock,
  audit,
  mail,
  proofs,
  budget,
  codeThrottle,
  lifetimes,
  onOutcome = () => undefined,
}: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append' | 'later'>;
  mail: Pick<Mail, 'write'>;
  proofs: MailedProofs;
  budget: MailBudget;
  codeThrottle: CodeThrottle;
  lifetimes: Pick<Lifetimes, 'mailedCode'>;
  /** For metrics. */
  onOutcome?: (kind: 'signed-in' | 'rejected' | 'locked') => void;
}): SignInCodes {
  async function redeem(o: Parameters<SignInCodes['redeem']>[0]): Promise<CodeSignIn> {
    const { visit, code, network, requestId } = o;
    const admitted = await codeThrottle.check(network);
    if (admitted.kind === 'wait') return admitted;
    const at = clock.now();
    const account = await db.transaction().execute(async (trx) => {
      const proof = await proofs.redeemCode(trx, PURPOSE, digest(visit), code);
      if (proof?.accountId === undefined) return undefined;
      const by: By = { actor: { kind: 'account', id: proof.accountId }, network, requestId };
      await markVerified(trx, { clock, audit }, proof.accountId, by);
      return findAccount(trx, proof.accountId);
    });
    if (account) return { kind: 'signed-in', account, amr: ['email'], at };
    const actor = { kind: 'anonymous' } as const;
    audit.later({
      type: 'account.sign-in-refused',
      detail: { reason: 'rejected' },
      actor,
      network,
      requestId,
    });
    return { kind: 'wrong' };
  }

  return {
    async ask({ visit, email, app, network, locale, device }) {
      const address = canonicalEmail(email);
      if (address.kind === 'refused') return 'no-address';
      const early = device && (await findAccountByEmail(db, address.canonical));
      const known = isKnownBrowser(device, early);
      if (!(await budget.take({ address: address.canonical, network, known }))) return 'asked';
      const found = device ? early : await findAccountByEmail(db, address.canonical);
      const account = found?.status === 'active' ? found : undefined;
      await mailSignInCode(
        { db, proofs, mail },
        {
          purpose: PURPOSE,
          subject: digest(visit),
          account,
          email: address.email,
          lifetimeSeconds: lifetimes.mailedCode,
          app,
          network,
          locale,
        },
      );
      return 'asked';
    },
    async redeem(o) {
      const outcome = await redeem(o);
      onOutcome(({ 'signed-in': 'signed-in', wrong: 'rejected', wait: 'locked' } as const)[outcome.kind]);
      return outcome;
    },
  };
}
