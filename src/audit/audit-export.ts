/** What this room keeps of one account, for its holder: every event, and refusals that name the account. */
import { type Kysely, sql } from 'kysely';
import { inPages } from '../storage/account-export.ts';
import type { Database } from '../storage/tables.ts';

type Row = Readonly<Record<string, unknown>>;

/** Oldest first. Who caused it is told by kind, and by id only where it is the person: others' ids are theirs. */
export async function* exportEvents(db: Kysely<Database>, accountId: string): AsyncGenerator<Row> {
  const rows = inPages(
    (after: { at: Date; id: string } | undefined, limit) =>
      db
        .selectFrom('audit_events')
        .select([
          'id',
          'at',
          'type',
          'actor_kind',
          'actor_id',
          'client_id',
          'network',
          'request_id',
          'detail',
        ])
        .where('account_id', '=', accountId)
        .$if(after !== undefined, (query) =>
          query.where(sql<boolean>`(at, id) > (${after?.at}::timestamptz, ${after?.id}::bigint)`),
        )
        .orderBy('at')
        .orderBy('id')
        .limit(limit)
        .execute(),
    ({ at, id }) => ({ at, id: String(id) }),
  );
  for await (const { actor_id: actor, ...row } of rows) {
    const foreign = row.actor_kind === 'account' && actor !== accountId;
    yield { ...row, actor_id: foreign ? null : actor };
  }
}

export function exportRefusals(db: Kysely<Database>, accountId: string): AsyncGenerator<Row> {
  return inPages(
    (after: string | undefined, limit) =>
      db
        .selectFrom('refusals')
        .select([
          ...(['reference', 'at', 'kind', 'rule', 'error', 'expected', 'received', 'description'] as const),
          ...(['cause', 'sent', 'client_id', 'network', 'request_id', 'expires_at'] as const),
        ])
        .where('account_id', '=', accountId)
        .$if(after !== undefined, (query) => query.where('reference', '>', after ?? ''))
        .orderBy('reference')
        .limit(limit)
        .execute(),
    ({ reference }) => reference,
  );
}
