/** What the holder of an account is told when a sign-in of theirs was ended because its key was used twice. */
import type { Kysely } from 'kysely';
import type { AuditEventOf } from './audit/catalogue.ts';
import type { Rooms } from './rooms.ts';
import type { Database } from './storage/tables.ts';

/**
 * Prepares the mail that a theft sends to the account's holder: what is to be written in the transaction that ends the
 * family. Only an address that is known to be theirs is told of their sign-ins.
 */
export async function theftMail(
  { mail, accounts, directory }: Pick<Rooms, 'mail' | 'accounts' | 'directory'>,
  family: string,
  theft: AuditEventOf<'token.replayed'>,
): Promise<((trx: Kysely<Database>) => Promise<void>) | undefined> {
  const { accountId, clientId, network, at = 0, detail } = theft;
  if (mail.kind === 'off' || accountId === undefined) return undefined;
  const account = await accounts.find(accountId);
  if (account?.status !== 'active' || !account.emailVerified) return undefined;
  const client = clientId === undefined ? undefined : await directory.findAny(clientId);
  const { millisecondsApart, firstNetwork } = detail;
  return (trx) =>
    mail.write(trx, {
      kind: 'sign-in-ended',
      key: `sign-in-ended:${family}`,
      accountId,
      to: account.email,
      data: {
        app: client?.name ?? clientId ?? '',
        at,
        network,
        ...(firstNetwork !== network && { firstNetwork }),
        ...(millisecondsApart !== undefined && {
          seconds: Math.max(1, Math.round(millisecondsApart / 1000)),
        }),
      },
    });
}
