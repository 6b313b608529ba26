/** The SQL of client secrets: digests only. Every function runs on the database or transaction that it is given. */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { ClientSecretInfo } from './client.ts';
import type { StoredSecret } from './secrets.ts';

export async function insertSecret(
  db: Kysely<Database>,
  clientId: string,
  secret: StoredSecret,
): Promise<void> {
  await db
    .insertInto('client_secrets')
    .values({
      secret_id: secret.secretId,
      client_id: clientId,
      digest: secret.digest,
      created_at: new Date(secret.createdAt),
      expires_at: secret.expiresAt === undefined ? null : new Date(secret.expiresAt),
      last_used_at: null,
    })
    .execute();
  await bumpVersion(db, clientId);
}

async function bumpVersion(db: Kysely<Database>, clientId: string): Promise<void> {
  await db
    .updateTable('clients')
    .set((eb) => ({ secrets_version: eb('secrets_version', '+', 1) }))
    .where('client_id', '=', clientId)
    .execute();
}

/** Ends every secret of the client at `at`, unless it ends sooner anyway. */
export async function expireSecrets(db: Kysely<Database>, clientId: string, at: Date): Promise<void> {
  await db
    .updateTable('client_secrets')
    .set({ expires_at: at })
    .where('client_id', '=', clientId)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]))
    .execute();
}

/** Newest first, without their digests. */
export async function listSecrets(db: Kysely<Database>, clientId: string): Promise<ClientSecretInfo[]> {
  const rows = await db
    .selectFrom('client_secrets')
    .select(['secret_id', 'created_at', 'expires_at', 'last_used_at'])
    .where('client_id', '=', clientId)
    .orderBy('created_at', 'desc')
    // Of two from the same millisecond the superseded one has an end.
    .orderBy('expires_at', (order) => order.desc().nullsFirst())
    .orderBy('secret_id')
    .execute();
  return rows.map((row) => ({
    secretId: row.secret_id,
    createdAt: row.created_at.getTime(),
    ...(row.expires_at !== null && { expiresAt: row.expires_at.getTime() }),
    ...(row.last_used_at !== null && { lastUsedAt: row.last_used_at.getTime() }),
  }));
}

/** Deletes secrets of one client. @returns the ids of those that were there */
export async function deleteSecrets(
  db: Kysely<Database>,
  clientId: string,
  secretIds: readonly string[],
): Promise<string[]> {
  if (secretIds.length === 0) return [];
  const rows = await db
    .deleteFrom('client_secrets')
    .where('client_id', '=', clientId)
    .where('secret_id', 'in', secretIds)
    .returning('secret_id')
    .execute();
  if (rows.length > 0) await bumpVersion(db, clientId);
  return rows.map((row) => row.secret_id);
}

/** Deletes at most `limit` secrets that expired by `at`; nobody needs to be told, since they no longer open anything. */
export async function deleteExpiredSecrets(db: Kysely<Database>, at: Date, limit: number): Promise<number> {
  const { rows } = await sql<{ secret_id: string }>`
    delete from client_secrets where secret_id in (
      select secret_id from client_secrets where expires_at <= ${at}::timestamptz
      order by expires_at limit ${limit} for update skip locked
    ) returning secret_id`.execute(db);
  return rows.length;
}

/** Notes the newest use (ms) of each secret, in one statement; an older time never replaces a newer one. */
export async function noteSecretUses(db: Kysely<Database>, uses: ReadonlyMap<string, number>): Promise<void> {
  const rows = [...uses].map(([id, at]) => ({ id, at: new Date(at).toISOString() }));
  await sql`
    update client_secrets set last_used_at = used.at
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as used (id text, at timestamptz)
    where client_secrets.secret_id = used.id
      and (client_secrets.last_used_at is null or client_secrets.last_used_at < used.at)`.execute(db);
}
