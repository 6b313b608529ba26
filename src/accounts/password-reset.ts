/**
 * Choosing a new password without the old one: an address is typed, a mail with a link and a code goes out if it is an
 * active account's, whoever brings either sets a password, and everything that was signed in is signed out. It signs
 * nobody in and touches no second factor: the sign-in afterwards asks for what it always asks for.
 *
 * Asking costs the same statements whether there is such an account or not (ASVS 5 6.3.8): one look, then a proof and a
 * mail, which without an account open nothing and go to nobody. An account without a password gets one this way: it is
 * how somebody who lost the only passkey comes back, as far as the account's second-factor policy allows.
 */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Mail } from '../mail/mail.ts';
import type { Database } from '../storage/tables.ts';
import type { CodeThrottle } from '../throttle/code-throttle.ts';
import type { Device } from '../throttle/device-cookie.ts';
import type { MailBudget } from '../throttle/mail-budget.ts';
import type { By } from './account.ts';
import { findAccountByEmail } from './account-store.ts';
import type { Accounts } from './accounts.ts';
import { markVerified } from './email-verification.ts';
import { canonicalEmail } from './emails.ts';
import type { Fault } from './fault.ts';
import { isKnownBrowser } from './known-browser.ts';
import type { MailedProofs } from './mailed-proofs.ts';
import { passwordFault } from './password-rules.ts';

export type ResetOutcome =
  | { readonly kind: 'changed' }
  /** Used, replaced, too old, never ours, or the account has changed since. */
  | { readonly kind: 'gone' }
  /** What is wrong with the password; the link still works. */
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

export type ResetCodeOutcome =
  /** The code is used up; this link takes its place. */
  | { readonly kind: 'open'; readonly token: string }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'wait'; readonly retryAfterSeconds: number };

export interface PasswordResets {
  /** `asked` says nothing about who has an account; `no-address`: what was typed cannot be anybody's. */
  ask(o: {
    email: string;
    network: string;
    requestId?: string | undefined;
    locale?: string | undefined;
    /** What the browser's device cookie says once its MAC has been verified: its own account's mails have a share. */
    device?: Device | undefined;
  }): Promise<'asked' | 'no-address'>;
  redeemCode(o: { email: string; code: string; network: string }): Promise<ResetCodeOutcome>;
  /** Whose password the link would change. Uses nothing up. */
  describe(token: string): Promise<{ readonly email: string } | undefined>;
  complete(o: {
    token: string;
    password: string;
    network: string;
    requestId?: string | undefined;
  }): Promise<ResetOutcome>;
}

const PURPOSE = 'reset-password';

export function createPasswordResets({
  db,
  clock,
  audit,
  mail,
  proofs,
  budget,
  codeThrottle,
  accounts,
  lifetimes,
}: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append' | 'later'>;
  mail: Pick<Mail, 'write'>;
  proofs: MailedProofs;
  budget: MailBudget;
  codeThrottle: CodeThrottle;
  accounts: Pick<Accounts, 'setPassword'>;
  lifetimes: Pick<Lifetimes, 'mailedLink'>;
}): PasswordResets {
  const lifetimeSeconds = lifetimes.mailedLink;

  /** Undefined for accounts that may not sign in: they are strangers here. */
  async function findActive(canonical: string) {
    const account = await findAccountByEmail(db, canonical);
    return account?.status === 'active' ? account : undefined;
  }

  return {
    async ask({ email, network, requestId, locale, device }) {
      const address = canonicalEmail(email);
      if (address.kind === 'refused') return 'no-address';
      // The budget first, but for the few whose cookie makes them known to one account.
      const early = device && (await findActive(address.canonical));
      const known = isKnownBrowser(device, early);
      const written = await budget.take({ address: address.canonical, network, known });
      const account = device ? early : await findActive(address.canonical);
      const context = { actor: { kind: 'anonymous' }, accountId: account?.id, network, requestId } as const;
      audit.later({ type: 'account.reset-asked', detail: { written }, ...context });
      if (!written) return 'asked';
      const to = account?.email ?? address.email;
      await db.transaction().execute(async (trx) => {
        const { token, code } = await proofs.issue(trx, {
          purpose: PURPOSE,
          subject: account?.id ?? address.canonical,
          email: to,
          lifetimeSeconds,
        });
        await mail.write(trx, {
          kind: PURPOSE,
          key: `${PURPOSE}:${randomUUID()}`,
          accountId: account?.id,
          to,
          locale,
          withheld: account === undefined,
          data: { code, link: `/link/${token}`, minutes: Math.floor(lifetimeSeconds / 60), network },
        });
      });
      return 'asked';
    },
    async redeemCode({ email, code, network }) {
      const admitted = await codeThrottle.check(network);
      if (admitted.kind === 'wait') return admitted;
      const address = canonicalEmail(email);
      if (address.kind === 'refused') return { kind: 'wrong' };
      const account = await findActive(address.canonical);
      return db.transaction().execute(async (trx): Promise<ResetCodeOutcome> => {
        const subject = account?.id ?? address.canonical;
        const proof = await proofs.redeemCode(trx, PURPOSE, subject, code);
        if (!proof) return { kind: 'wrong' };
        // What the code has proved is handed on as a link to this browser alone: nobody was mailed its code.
        const { token } = await proofs.issue(trx, {
          purpose: PURPOSE,
          subject,
          email: proof.email,
          lifetimeSeconds,
        });
        return { kind: 'open', token };
      });
    },
    async describe(token) {
      const proof = await proofs.look(PURPOSE, token);
      return proof && { email: proof.email };
    },
    async complete({ token, password, network, requestId }) {
      // Asked first, so that a stranger without a link has nothing hashed.
      const proof = await proofs.look(PURPOSE, token);
      if (proof?.accountId === undefined) return { kind: 'gone' };
      const { accountId, email: to } = proof;
      const by: By = { actor: { kind: 'account', id: accountId }, network, requestId };
      const outcome = await accounts.setPassword(accountId, password, by, {
        async redeem(trx) {
          if (!(await proofs.redeemToken(trx, PURPOSE, token))) return false;
          await markVerified(trx, { clock, audit }, accountId, by);
          await mail.write(trx, {
            kind: 'password-changed',
            key: `password-changed:${randomUUID()}`,
            accountId,
            to,
            data: { at: clock.now(), network },
          });
          return true;
        },
      });
      switch (outcome.kind) {
        case 'changed':
          return { kind: 'changed' };
        case 'absent':
          return { kind: 'gone' };
        case 'faults':
          return { kind: 'fault', fault: outcome.faults[0] ?? passwordFault('unusable') };
        case 'busy':
          return outcome;
      }
    },
  };
}
