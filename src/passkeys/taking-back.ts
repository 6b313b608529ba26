/** The passkeys that somebody else may have added, when the holder takes the account back. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Database } from '../storage/tables.ts';
import type { By } from './passkey.ts';
import { deletePasskeysSince } from './passkey-store.ts';

/**
 * Removes those made at `since` (ms) or after it, the last way in too: the holder's next one is the mailed reset. The
 * caller has locked the account, so that none is being added. @returns how many went
 */
export async function takeBackPasskeys(
  trx: Kysely<Database>,
  audit: Pick<Audit, 'append'>,
  { accountId, since, by }: { accountId: string; since: number; by: By },
): Promise<number> {
  const ids = await deletePasskeysSince(trx, accountId, since);
  for (const passkeyId of ids) {
    await audit.append(trx, { type: 'passkey.removed', detail: { passkeyId }, accountId, ...by });
  }
  return ids.length;
}
