/**
 * What this room keeps of one account, for its holder ("download my data"): whole rows, page by page, without what is
 * sealed or opens something. Times are ISO 8601.
 */
import { type Kysely, sql } from 'kysely';
import type { Database } from './tables.ts';

/** A page is one statement and about 250 kB at most. */
const PAGE = 500;

type Row = Readonly<Record<string, unknown>>;

/** Whole tables in the order of a column of theirs. @param page gives at most `limit` rows after that one */
export async function* inPages<R, K>(
  page: (after: K | undefined, limit: number) => Promise<readonly R[]>,
  keyOf: (row: R) => K,
): AsyncGenerator<R> {
  let after: K | undefined;
  for (;;) {
    const rows = await page(after, PAGE);
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < PAGE || last === undefined) return;
    after = keyOf(last);
  }
}

/** Every session that is remembered, ended ones too. */
export function exportSessions(db: Kysely<Database>, accountId: string): AsyncGenerator<Row> {
  return inPages(
    (after: string | undefined, limit) =>
      db
        .selectFrom('browser_sessions')
        .select([
          ...([
            'id',
            'started_at',
            'signed_in_at',
            'last_seen_at',
            'network',
            'last_network',
            'browser',
          ] as const),
          ...(['system', 'device', 'amr', 'remembered', 'idle_until', 'absolute_until'] as const),
          ...(['ended_at', 'ended_reason', 'ended_by', 'forget_at'] as const),
        ])
        .where('account_id', '=', accountId)
        .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
        .orderBy('id')
        .limit(limit)
        .execute(),
    ({ id }) => id,
  );
}

/** Every sign-in of an app that is remembered, ended ones too. */
export function exportFamilies(db: Kysely<Database>, accountId: string): AsyncGenerator<Row> {
  return inPages(
    (after: { born_at: Date; tag: string } | undefined, limit) =>
      db
        .selectFrom('families')
        .select([
          ...(['tag', 'client_id', 'scopes', 'offline', 'signed_in_at', 'born_at', 'redeemed_at'] as const),
          ...(['idle_until', 'absolute_until', 'refreshes', 'last_used_at', 'last_network'] as const),
          ...(['ended_at', 'ended_reason', 'ended_by', 'forget_at'] as const),
        ])
        .where('account_id', '=', accountId)
        .$if(after !== undefined, (query) =>
          query.where(sql<boolean>`(born_at, tag) > (${after?.born_at}::timestamptz, ${after?.tag})`),
        )
        .orderBy('born_at')
        .orderBy('tag')
        .limit(limit)
        .execute(),
    (row) => row,
  );
}

/** Apps that would be told of a sign-out, and those that were or will be. */
export async function* exportSignOutNotices(db: Kysely<Database>, accountId: string): AsyncGenerator<Row> {
  const open = await db
    .selectFrom('client_sessions')
    .select(['client_id', 'begun_at', 'expires_at'])
    .where('account_id', '=', accountId)
    .orderBy('begun_at')
    .limit(10 * PAGE)
    .execute();
  yield* open.map((row) => ({ state: 'would be told', ...row }));
  yield* inPages(
    (after: string | undefined, limit) =>
      db
        .selectFrom('logout_notices')
        .select(['id', 'client_id', 'state', 'tries', 'last_fault', 'created_at', 'settled_at', 'expires_at'])
        .where('account_id', '=', accountId)
        .$if(after !== undefined, (query) => query.where('id', '>', after ?? '0'))
        .orderBy('id')
        .limit(limit)
        .execute(),
    ({ id }) => String(id),
  );
}

/** What has ended access as a whole: one row an app at most, and one for all. */
export async function* exportEnds(db: Kysely<Database>, accountId: string): AsyncGenerator<Row> {
  yield* inPages(
    (after: string | undefined, limit) =>
      db
        .selectFrom('ended_access')
        .select(['client_id', 'reason', 'ended_by', 'ended_at', 'expires_at'])
        .where('account_id', '=', accountId)
        .$if(after !== undefined, (query) => query.where('client_id', '>', after ?? ''))
        .orderBy('client_id')
        .limit(limit)
        .execute(),
    ({ client_id }) => client_id,
  );
}
