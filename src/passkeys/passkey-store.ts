/** The SQL of passkeys. Every function takes the connection or transaction to work in. */
import { randomUUID } from 'node:crypto';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { PasskeyRow } from '../storage/tables-passkeys.ts';
import { keeperOf } from './keepers.ts';
import type { Passkey, VerifiedPasskey } from './passkey.ts';

type Db = Kysely<Database>;

export interface StoredPasskey extends Passkey {
  readonly publicKey: string;
  readonly backupEligible: boolean;
}

/** Undefined when the credential is known already: the unique index decides, so that of parallel calls one succeeds. */
export async function insertPasskey(
  trx: Db,
  o: { accountId: string; rpId: string; passkey: VerifiedPasskey; name: string | undefined; at: number },
): Promise<Passkey | undefined> {
  const { passkey } = o;
  const row = await trx
    .insertInto('passkeys')
    .values({
      id: randomUUID(),
      account_id: o.accountId,
      credential_id: passkey.credentialId,
      user_handle: passkey.userHandle,
      rp_id: o.rpId,
      public_key: passkey.publicKey,
      sign_count: passkey.signCount,
      transports: JSON.stringify(passkey.transports),
      backup_eligible: passkey.backupEligible,
      backed_up: passkey.backedUp,
      aaguid: passkey.aaguid,
      name: o.name ?? null,
      created_at: new Date(o.at),
      last_used_at: null,
    })
    .onConflict((conflict) => conflict.column('credential_id').doNothing())
    .returningAll()
    .executeTakeFirst();
  return row && passkeyOf(row);
}

/** Oldest first. A holder has few (MOST_PASSKEYS). */
export async function listPasskeys(db: Db, accountId: string): Promise<readonly Passkey[]> {
  const rows = await db
    .selectFrom('passkeys')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(passkeyOf);
}

export async function findByCredential(
  db: Db,
  credentialId: string,
  rpId: string,
): Promise<StoredPasskey | undefined> {
  const row = await db
    .selectFrom('passkeys')
    .selectAll()
    .where('credential_id', '=', credentialId)
    .where('rp_id', '=', rpId)
    .executeTakeFirst();
  return row && { ...passkeyOf(row), publicKey: row.public_key, backupEligible: row.backup_eligible };
}

/**
 * WebAuthn Level 3 section 7.2 step 22: a counter grows with each use, unless the authenticator has none and says 0. One
 * statement, so that of two uses with the same number one counts. False when it did not grow.
 */
export async function recordUse(
  db: Db,
  id: string,
  use: { signCount: number; backedUp: boolean; at: number },
): Promise<boolean> {
  const updated = await db
    .updateTable('passkeys')
    .set({ sign_count: use.signCount, backed_up: use.backedUp, last_used_at: new Date(use.at) })
    .where('id', '=', id)
    .where(
      sql<boolean>`(sign_count < ${use.signCount}::bigint or (sign_count = 0 and ${use.signCount}::bigint = 0))`,
    )
    .executeTakeFirst();
  return updated.numUpdatedRows === 1n;
}

/** Undefined when the account has no such passkey. */
export async function renamePasskey(
  db: Db,
  accountId: string,
  id: string,
  name: string | null,
): Promise<Passkey | undefined> {
  const row = await db
    .updateTable('passkeys')
    .set({ name })
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .returningAll()
    .executeTakeFirst();
  return row && passkeyOf(row);
}

export async function deletePasskey(db: Db, accountId: string, id: string): Promise<Passkey | undefined> {
  const row = await db
    .deleteFrom('passkeys')
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .returningAll()
    .executeTakeFirst();
  return row && passkeyOf(row);
}

/** Those made at that time (ms) or after it, for whatever relying party. @returns their ids */
export async function deletePasskeysSince(
  trx: Db,
  accountId: string,
  since: number,
): Promise<readonly string[]> {
  const rows = await trx
    .deleteFrom('passkeys')
    .where('account_id', '=', accountId)
    .where('created_at', '>=', new Date(since))
    .returning('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** Passkeys that were made for another relying party, and answer to it alone. */
export async function countElsewhere(
  db: Db,
  rpId: string,
): Promise<{ count: number; rpIds: readonly string[] }> {
  const rows = await db
    .selectFrom('passkeys')
    .select(['rp_id', ({ fn }) => fn.countAll<string>().as('count')])
    .where('rp_id', '<>', rpId)
    .groupBy('rp_id')
    .orderBy('rp_id')
    .limit(10)
    .execute();
  return {
    count: rows.reduce((total, { count }) => total + Number(count), 0),
    rpIds: rows.map((row) => row.rp_id),
  };
}

/** For "download my data": all that is stored of an account's passkeys. */
export async function exportPasskeys(db: Db, accountId: string) {
  const rows = await db
    .selectFrom('passkeys')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(({ account_id: _, sign_count: uses, ...row }) => ({ ...row, sign_count: Number(uses) }));
}

function passkeyOf(row: Selectable<PasskeyRow>): Passkey {
  return {
    id: row.id,
    accountId: row.account_id,
    credentialId: row.credential_id,
    userHandle: row.user_handle,
    rpId: row.rp_id,
    transports: row.transports,
    synced: row.backup_eligible,
    aaguid: row.aaguid,
    name: row.name ?? undefined,
    keeper: keeperOf(row.aaguid),
    createdAt: row.created_at.getTime(),
    lastUsedAt: row.last_used_at?.getTime(),
  };
}
