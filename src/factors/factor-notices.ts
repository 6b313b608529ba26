/** What the holder of an account is told, by mail, in the transaction of what has happened to its factors. */
import type { Kysely } from 'kysely';
import type { Mail } from '../mail/mail.ts';
import type { MailData, MailKind } from '../mail/message.ts';
import type { Database } from '../storage/tables.ts';
import type { By, FactorAccount } from './factor.ts';

type FactorMail = Extract<
  MailKind,
  'factor-added' | 'factor-removed' | 'recovery-codes-made' | 'recovery-code-used' | 'codes-tried'
>;

/** Writes it with `trx`. Only to an address that is known to be theirs: another one may be a stranger's. */
export type Tell = <K extends FactorMail>(
  trx: Kysely<Database>,
  account: FactorAccount,
  notice: {
    readonly kind: K;
    /** At most one mail is ever written for what bears it. */
    readonly key: string;
    readonly at: number;
    readonly by: Pick<By, 'network'>;
    readonly data: Omit<MailData[K], 'at' | 'network'>;
  },
) => Promise<void>;

export function createTell(mail: Pick<Mail, 'write'>): Tell {
  return async (trx, account, { kind, key, at, by, data }) => {
    if (account.status !== 'active' || !account.emailVerified) return;
    const message = {
      kind,
      key: `${kind}:${key}`,
      accountId: account.id,
      to: account.email,
      locale: account.locale,
      data: { ...data, at, network: by.network },
    };
    await mail.write(trx, message as Parameters<Mail['write']>[1]);
  };
}
