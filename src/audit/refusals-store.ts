/** The SQL of refusals. */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';
import { plainJson } from './plain-text.ts';
import type { Refusal } from './refusal.ts';

/** Inserts them all with one statement; a reference that is already taken (one in 2^40) keeps its first record. */
export async function insertRefusals(db: Kysely<Database>, refusals: readonly Refusal[]): Promise<void> {
  if (refusals.length === 0) return;
  const rows = refusals.map((r) => ({
    ...r,
    at: new Date(r.at).toISOString(),
    expires_at: new Date(r.expiresAt).toISOString(),
    client_id: r.clientId,
    account_id: r.accountId,
    request_id: r.requestId,
  }));
  await sql`
    insert into refusals
      (reference, at, expires_at, kind, rule, error, expected, received, description, cause, sent, client_id,
       account_id, network, request_id)
    select reference, at, expires_at, kind, rule, error, expected, received, description, cause, sent, client_id,
       account_id, network, request_id
    from jsonb_to_recordset(${plainJson(rows)}::text::jsonb) as refusal
      (reference text, at timestamptz, expires_at timestamptz, kind text, rule text, error text, expected text,
       received text, description text, cause text, sent jsonb, client_id text, account_id text, network text, request_id text)
    on conflict (reference) do nothing`.execute(db);
}

export async function findRefusal(db: Kysely<Database>, reference: string): Promise<Refusal | undefined> {
  const row = await db
    .selectFrom('refusals')
    .selectAll()
    .where('reference', '=', reference)
    .executeTakeFirst();
  if (!row) return undefined;
  return {
    reference: row.reference,
    at: row.at.getTime(),
    expiresAt: row.expires_at.getTime(),
    kind: row.kind,
    rule: row.rule,
    error: row.error,
    expected: row.expected ?? undefined,
    received: row.received ?? undefined,
    description: row.description ?? undefined,
    cause: row.cause ?? undefined,
    sent: row.sent ?? undefined,
    clientId: row.client_id ?? undefined,
    accountId: row.account_id ?? undefined,
    network: row.network,
    requestId: row.request_id ?? undefined,
  };
}

/**
 * Deletes at most `limit` refusals that expired before `now` (ms), and skips rows that another process is deleting.
 * @returns how many went
 */
export async function deleteExpiredRefusals(
  db: Kysely<Database>,
  now: number,
  limit: number,
): Promise<number> {
  const result = await sql<{ reference: string }>`
    delete from refusals where reference in (
      select reference from refusals where expires_at <= ${new Date(now)}::timestamptz
      order by expires_at limit ${limit} for update skip locked
    ) returning reference`.execute(db);
  return result.rows.length;
}

/**
 * Deletes at most `limit` of the oldest refusals beyond the newest `keep` (found on the index of their
 * expiry).
 * @returns how many went
 */
export async function deleteOldestRefusals(
  db: Kysely<Database>,
  keep: number,
  limit: number,
): Promise<number> {
  const result = await sql<{ reference: string }>`
    delete from refusals where reference in (
      select reference from refusals
      where expires_at <= (select expires_at from refusals order by expires_at desc offset ${keep} limit 1)
      order by expires_at limit ${limit} for update skip locked
    ) returning reference`.execute(db);
  return result.rows.length;
}
