/** The SQL of self-registered clients and of the tokens that allow it. */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';

/** An initial access token as it is listed: never its value. Times are milliseconds since the epoch. */
export interface RegistrationToken {
  readonly tokenId: string;
  readonly maxUses: number;
  readonly uses: number;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** "Card": one registration after the other counts the rows, so that the quota is exact. */
const QUOTA_LOCK = 0x43617264;

/**
 * Adds the registration of a client that was inserted by the same transaction.
 * @param tokenDigest null: it does not manage itself
 * @returns false when there are `max` already; then the transaction must be undone
 */
export async function insertRegistration(
  trx: Kysely<Database>,
  o: { clientId: string; tokenDigest: string | null; at: Date; max: number },
): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(${sql.lit(QUOTA_LOCK)})`.execute(trx);
  const { rows } = await sql`
    insert into client_registrations (client_id, token_digest, created_at)
    select ${o.clientId}, ${o.tokenDigest}, ${o.at}::timestamptz
    where (select count(*) from client_registrations) < ${o.max}::integer
    returning client_id`.execute(trx);
  return rows.length === 1;
}

/** Holds the row until the transaction ends. @returns whether this token manages this client */
export async function holdManagement(
  trx: Kysely<Database>,
  clientId: string,
  tokenDigest: string,
): Promise<boolean> {
  const row = await trx
    .selectFrom('client_registrations')
    .select('client_id')
    .where('client_id', '=', clientId)
    .where('token_digest', '=', tokenDigest)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

export async function replaceManagement(
  trx: Kysely<Database>,
  clientId: string,
  tokenDigest: string | null,
): Promise<void> {
  await trx
    .updateTable('client_registrations')
    .set({ token_digest: tokenDigest })
    .where('client_id', '=', clientId)
    .execute();
}

/** From now on an operator alone changes it. */
export function endManagement(trx: Kysely<Database>, clientId: string): Promise<void> {
  return replaceManagement(trx, clientId, null);
}

/** Notes the newest use (ms) of each client, in one statement. */
export async function noteClientUses(db: Kysely<Database>, uses: ReadonlyMap<string, number>): Promise<void> {
  const rows = [...uses].map(([id, at]) => ({ id, at: new Date(at).toISOString() }));
  await sql`
    update client_registrations set last_used_at = used.at
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as used (id text, at timestamptz)
    where client_id = used.id and (last_used_at is null or last_used_at < used.at)`.execute(db);
}

export interface IdleSince {
  readonly usedBefore: Date;
  readonly neverUsedAndMadeBefore: Date;
}

const idle = (o: IdleSince) => sql<boolean>`
  coalesce(last_used_at, created_at) <= ${latest(o)}::timestamptz
  and (last_used_at <= ${o.usedBefore}::timestamptz
    or (last_used_at is null and created_at <= ${o.neverUsedAndMadeBefore}::timestamptz))`;

/** What the index is asked: whatever is idle is older than the later of the two. */
const latest = ({ usedBefore, neverUsedAndMadeBefore }: IdleSince): Date =>
  usedBefore > neverUsedAndMadeBefore ? usedBefore : neverUsedAndMadeBefore;

/** Ids of at most `limit` clients that nobody uses. */
export async function listIdle(db: Kysely<Database>, since: IdleSince, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('client_registrations')
    .select('client_id')
    .where(idle(since))
    .limit(limit)
    .execute();
  return rows.map((row) => row.client_id);
}

/** Holds the row. @returns whether it is idle still */
export async function holdIdle(trx: Kysely<Database>, clientId: string, since: IdleSince): Promise<boolean> {
  const row = await trx
    .selectFrom('client_registrations')
    .select('client_id')
    .where('client_id', '=', clientId)
    .where(idle(since))
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertRegistrationToken(
  db: Kysely<Database>,
  token: Omit<RegistrationToken, 'uses'> & { digest: string },
): Promise<void> {
  await db
    .insertInto('registration_tokens')
    .values({
      token_id: token.tokenId,
      digest: token.digest,
      max_uses: token.maxUses,
      uses: 0,
      created_at: new Date(token.createdAt),
      expires_at: new Date(token.expiresAt),
    })
    .execute();
}

/** Whether the token would do now; uses nothing up. */
export async function isRegistrationTokenLive(
  db: Kysely<Database>,
  digest: string,
  at: Date,
): Promise<boolean> {
  const row = await db
    .selectFrom('registration_tokens')
    .select('token_id')
    .where('digest', '=', digest)
    .where('expires_at', '>', at)
    .where((eb) => eb('uses', '<', eb.ref('max_uses')))
    .executeTakeFirst();
  return row !== undefined;
}

/** Uses the token once: one statement, so that N uses are N clients. @returns false when nothing of it is left */
export async function useRegistrationToken(
  trx: Kysely<Database>,
  digest: string,
  at: Date,
): Promise<boolean> {
  const row = await trx
    .updateTable('registration_tokens')
    .set((eb) => ({ uses: eb('uses', '+', 1) }))
    .where('digest', '=', digest)
    .where('expires_at', '>', at)
    .where((eb) => eb('uses', '<', eb.ref('max_uses')))
    .returning('token_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Newest first; at most `limit`. */
export async function listRegistrationTokens(
  db: Kysely<Database>,
  limit: number,
): Promise<RegistrationToken[]> {
  const rows = await db
    .selectFrom('registration_tokens')
    .select(['token_id', 'max_uses', 'uses', 'created_at', 'expires_at'])
    .orderBy('created_at', 'desc')
    .orderBy('token_id')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    tokenId: row.token_id,
    maxUses: row.max_uses,
    uses: row.uses,
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at.getTime(),
  }));
}

export async function deleteRegistrationToken(db: Kysely<Database>, tokenId: string): Promise<boolean> {
  const row = await db
    .deleteFrom('registration_tokens')
    .where('token_id', '=', tokenId)
    .returning('token_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Deletes at most `limit` tokens that expired by `at`. */
export async function deleteExpiredRegistrationTokens(
  db: Kysely<Database>,
  at: Date,
  limit: number,
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from registration_tokens where token_id in (
      select token_id from registration_tokens where expires_at <= ${at}::timestamptz
      order by expires_at limit ${limit} for update skip locked
    )`.execute(db);
  return Number(numAffectedRows);
}
