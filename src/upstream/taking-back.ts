/** The accounts at other providers that somebody else may have linked, when the holder takes the account back. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { AuditContext } from '../audit/catalogue.ts';
import type { Database } from '../storage/tables.ts';
import { deleteIdentitiesSince } from './identities-store.ts';

/**
 * Unlinks those linked at `since` (ms) or after it, the last way in too: the holder's next one is the mailed reset. The
 * caller has locked the account, so that none is being linked. @returns how many went
 */
export async function takeBackIdentities(
  trx: Kysely<Database>,
  audit: Pick<Audit, 'append'>,
  { accountId, since, by }: { accountId: string; since: number; by: AuditContext },
): Promise<number> {
  const providers = await deleteIdentitiesSince(trx, accountId, since);
  for (const provider of providers) {
    await audit.append(trx, { type: 'identity.unlinked', detail: { provider }, accountId, ...by });
  }
  return providers.length;
}
