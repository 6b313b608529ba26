/** The codes that somebody else may have set up, when the holder takes the account back. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Database } from '../storage/tables.ts';
import type { By } from './factor.ts';
import {
  deleteAuthenticatorsSince,
  findRecoveryCodes,
  holdPresentFactors,
  listAuthenticators,
  replaceRecoveryCodes,
} from './factor-store.ts';

/**
 * Removes the authenticator apps that count since `since` (ms), those that wait for their first code, and recovery codes that
 * were made since; older ones too when no factor is left that they could stand in for. The caller has locked the account.
 * @param o.hasOther whether the account has a second factor of another room's
 * @returns how many apps, and how many codes that were unused
 */
export async function takeBackFactors(
  trx: Kysely<Database>,
  audit: Pick<Audit, 'append'>,
  o: { accountId: string; since: number; now: number; hasOther: boolean; by: By },
): Promise<{ readonly authenticators: number; readonly codes: number }> {
  const { accountId, since, now, by } = o;
  await holdPresentFactors(trx, accountId, now);
  const ids = await deleteAuthenticatorsSince(trx, accountId, since);
  const { length: left } = await listAuthenticators(trx, accountId);
  for (const authenticatorId of ids) {
    const detail = { authenticatorId, left };
    await audit.append(trx, { type: 'authenticator.removed', detail, accountId, ...by });
  }
  const codes = await findRecoveryCodes(trx, accountId);
  const stay = codes === undefined || (codes.madeAt < since && (left > 0 || o.hasOther));
  if (stay) return { authenticators: ids.length, codes: 0 };
  const voided = await replaceRecoveryCodes(trx, accountId, [], now);
  await audit.append(trx, { type: 'recovery-codes.removed', detail: { voided }, accountId, ...by });
  return { authenticators: ids.length, codes: voided };
}
