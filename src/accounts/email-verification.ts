/** Proving that an address is the account's holder's: asked for from the portal, done by a link or a typed code. */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Mail } from '../mail/mail.ts';
import { noteChange } from '../storage/changes.ts';
import type { Database } from '../storage/tables.ts';
import type { MailBudget } from '../throttle/mail-budget.ts';
import type { By } from './account.ts';
import { findAccount, updateAccount } from './account-store.ts';
import type { MailedProof, MailedProofs } from './mailed-proofs.ts';

export interface EmailVerification {
  /** Mails a link and code to the account's own address, once more if asked again. */
  ask(
    accountId: string,
    by: By,
    locale?: string,
  ): Promise<'asked' | 'verified-already' | 'too-many' | 'absent'>;
  /** The address that the link would confirm. Uses nothing up. */
  describe(token: string): Promise<{ readonly email: string } | undefined>;
  confirm(token: string, by: By): Promise<'done' | 'gone'>;
  /** The code, where the account is known: in a signed-in browser. */
  confirmCode(accountId: string, code: string, by: By): Promise<'done' | 'wrong'>;
}

const PURPOSE = 'verify-email';

export interface EmailVerificationParts {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly audit: Pick<Audit, 'append'>;
  readonly mail: Pick<Mail, 'write'>;
  readonly proofs: MailedProofs;
  readonly budget: MailBudget;
  readonly lifetimes: Pick<Lifetimes, 'mailedLink'>;
}

export function createEmailVerification(parts: EmailVerificationParts): EmailVerification {
  const { db, mail, proofs, budget, lifetimes } = parts;

  async function settle(
    by: By,
    redeem: (trx: Kysely<Database>) => Promise<MailedProof | undefined>,
  ): Promise<boolean> {
    return db.transaction().execute(async (trx) => {
      const proof = await redeem(trx);
      if (proof?.accountId === undefined) return false;
      await markVerified(trx, parts, proof.accountId, by);
      return true;
    });
  }

  return {
    async ask(accountId, by, locale) {
      const account = await findAccount(db, accountId);
      if (account?.status !== 'active') return 'absent';
      if (account.emailVerified) return 'verified-already';
      const network = by.network ?? '';
      if (!(await budget.take({ address: account.emailCanonical, network }))) return 'too-many';
      const lifetimeSeconds = lifetimes.mailedLink;
      const { email: to } = account;
      await db.transaction().execute(async (trx) => {
        const { token, code } = await proofs.issue(trx, {
          purpose: PURPOSE,
          subject: accountId,
          email: to,
          lifetimeSeconds,
        });
        await mail.write(trx, {
          kind: PURPOSE,
          key: `${PURPOSE}:${randomUUID()}`,
          accountId,
          to,
          locale,
          data: {
            code,
            link: `/link/${token}`,
            minutes: Math.floor(lifetimeSeconds / 60),
            network: by.network,
          },
        });
      });
      return 'asked';
    },
    async describe(token) {
      const proof = await proofs.look(PURPOSE, token);
      return proof && { email: proof.email };
    },
    confirm: async (token, by) =>
      (await settle(by, (trx) => proofs.redeemToken(trx, PURPOSE, token))) ? 'done' : 'gone',
    confirmCode: async (accountId, code, by) =>
      (await settle(by, (trx) => proofs.redeemCode(trx, PURPOSE, accountId, code))) ? 'done' : 'wrong',
  };
}

/** The mailbox was proved to be theirs. Nothing happens when that was known. */
export async function markVerified(
  trx: Kysely<Database>,
  { clock, audit }: Pick<EmailVerificationParts, 'clock' | 'audit'>,
  accountId: string,
  by: By,
): Promise<void> {
  const account = await findAccount(trx, accountId);
  if (!account || account.emailVerified) return;
  await updateAccount(trx, accountId, { emailVerified: true }, clock.now());
  await audit.append(trx, {
    type: 'account.updated',
    detail: { fields: ['emailVerified'] },
    accountId,
    ...by,
  });
  await noteChange(trx, 'account', accountId);
}
