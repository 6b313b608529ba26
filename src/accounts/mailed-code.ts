/**
 * A code for a sign-in and the mail with it, in one transaction. Without an account the same is done and nothing is
 * mailed, so that asking costs the same for every address (THREATS S13).
 */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Mail } from '../mail/mail.ts';
import type { Database } from '../storage/tables.ts';
import type { Account } from './account.ts';
import type { ProofPurpose } from './mailed-proof-purposes.ts';
import type { MailedProofs } from './mailed-proofs.ts';

export async function mailSignInCode(
  {
    db,
    proofs,
    mail,
  }: { db: Kysely<Database>; proofs: Pick<MailedProofs, 'issue'>; mail: Pick<Mail, 'write'> },
  o: {
    purpose: Extract<ProofPurpose, 'sign-in' | 'suspicion'>;
    subject: string;
    /** Undefined: nobody is mailed. */
    account: Account | undefined;
    /** As it was typed: for an address without an account. */
    email: string;
    lifetimeSeconds: number;
    app: string;
    network: string;
    locale?: string | undefined;
  },
): Promise<void> {
  const { purpose, subject, account, lifetimeSeconds, app, network, locale } = o;
  const to = account?.email ?? o.email;
  await db.transaction().execute(async (trx) => {
    const { code } = await proofs.issue(trx, {
      purpose,
      subject,
      accountId: account?.id ?? '',
      email: to,
      lifetimeSeconds,
    });
    await mail.write(trx, {
      kind: 'sign-in-code',
      key: `${purpose}:${randomUUID()}`,
      accountId: account?.id,
      to,
      locale,
      withheld: account === undefined,
      data: { code, minutes: Math.floor(lifetimeSeconds / 60), app, network },
    });
  });
}
