/** The SQL of audit events. */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { AuditDetails, AuditEvent, AuditType } from './catalogue.ts';
import { plainJson, plainText } from './plain-text.ts';
import type { AuditPage, AuditRecord, AuditSearch } from './search.ts';

/** An event with its time settled; ms since the epoch. */
export type StampedEvent = AuditEvent & { readonly at: number };

const MAX_PAGE = 200;

function rowOf(event: StampedEvent) {
  return {
    at: new Date(event.at).toISOString(),
    type: event.type,
    actor_kind: event.actor.kind,
    // What is absent here is null in the row.
    actor_id: event.actor.id,
    account_id: event.accountId,
    client_id: event.clientId,
    network: event.network,
    request_id: event.requestId,
    detail: event.detail,
  };
}

/** Inserts them all with one statement and one parameter, whatever their number. */
export async function insertEvents(db: Kysely<Database>, events: readonly StampedEvent[]): Promise<void> {
  if (events.length === 0) return;
  await sql`
    insert into audit_events (at, type, actor_kind, actor_id, account_id, client_id, network, request_id, detail)
    select at, type, actor_kind, actor_id, account_id, client_id, network, request_id, detail
    from jsonb_to_recordset(${plainJson(events.map(rowOf))}::text::jsonb) as event
      (at timestamptz, type text, actor_kind text, actor_id text, account_id text, client_id text, network text,
       request_id text, detail jsonb)`.execute(db);
}

/** `after` is '<ms>.<id>' of the last event of the page before. */
function parseAfter(after: string): { at: Date; id: string } {
  const [, ms, id] = /^(\d{1,15})\.(\d{1,18})$/.exec(after) ?? [];
  if (ms === undefined || id === undefined) throw new RangeError('after: not the `next` of an audit page');
  return { at: new Date(Number(ms)), id };
}

/**
 * Newest first.
 * @throws RangeError when `after` is not the `next` of a page
 */
export async function searchEvents(db: Kysely<Database>, by: AuditSearch): Promise<AuditPage> {
  const limit = Math.min(MAX_PAGE, Math.max(1, Math.trunc(by.limit ?? 50)));
  let query = db.selectFrom('audit_events').selectAll();
  if (by.accountId !== undefined) query = query.where('account_id', '=', by.accountId);
  if (by.clientId !== undefined) query = query.where('client_id', '=', by.clientId);
  if (by.type !== undefined) query = query.where('type', '=', by.type);
  if (by.types !== undefined) query = query.where('type', 'in', by.types);
  if (by.storyOnly) {
    // As the partial indexes of the story say it.
    query = query
      .where(sql<boolean>`type not in ('token.issued', 'token.refreshed')`)
      .where(sql<boolean>`not (type = 'token.replayed' and detail ->> 'outcome' = 'answered')`);
  }
  if (by.from !== undefined) query = query.where('at', '>=', new Date(by.from));
  if (by.to !== undefined) query = query.where('at', '<', new Date(by.to));
  if (by.after !== undefined) {
    const { at, id } = parseAfter(by.after);
    query = query.where(sql<boolean>`(at, id) < (${at}::timestamptz, ${id}::bigint)`);
  }
  // One more than asked: it says whether there is a next page.
  const rows = await query
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  const events = rows.slice(0, limit).map(
    (row): AuditRecord => ({
      id: String(row.id),
      at: row.at.getTime(),
      type: row.type as AuditType,
      actor: { kind: row.actor_kind as AuditRecord['actor']['kind'], id: row.actor_id ?? undefined },
      ...(row.account_id !== null && { accountId: row.account_id }),
      ...(row.client_id !== null && { clientId: row.client_id }),
      ...(row.network !== null && { network: plainText(row.network, 100) }),
      ...(row.request_id !== null && { requestId: row.request_id }),
      detail: row.detail as AuditDetails[AuditType],
    }),
  );
  const last = events.at(-1);
  return rows.length > limit && last ? { events, next: `${last.at}.${last.id}` } : { events };
}
