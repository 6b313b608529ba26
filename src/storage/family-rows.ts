/**
 * The SQL of the families' index: one row a family, kept for a while after its end, so that an expired token is told
 * from an unknown one and a person's or client's families can be read. Written in batches (family-index.ts) and by
 * what ends access; never asked by a request. The gate and the tombstones decide, these rows only tell.
 */
import { type Kysely, sql } from 'kysely';
import { type EndedBy, type EndReason, endReasonOf } from './end-reasons.ts';
import { isId, tagOf } from './ids.ts';
import type { Database } from './tables.ts';
import type { FamilyTable } from './tables-storage.ts';

/** Times are ms since the epoch. */
export interface FamilyNote {
  readonly family: string;
  readonly accountId: string;
  readonly clientId: string;
  /** Of the browser session that it was begun in: SHA-256 of its uid. Absent for devices and assertions. */
  readonly sessionKey?: string | undefined;
  readonly scopes: string;
  readonly offline: boolean;
  readonly signedInAt: number;
  readonly bornAt: number;
  /** What an end of this account at this client is held against: not after `bornAt`. */
  readonly datedAt: number;
  /** When its code was redeemed; absent until then. */
  readonly redeemedAt?: number | undefined;
  /** When it ends unless it is used before. */
  readonly idleUntil: number;
  /** When it ends however much it is used. */
  readonly absoluteUntil: number;
  /** How often it was refreshed since the note before. */
  readonly refreshes: number;
  readonly usedAt?: number | undefined;
  readonly network?: string | undefined;
}

/** A family as it is read. `ended` is absent while it lives. */
export interface FamilyRecord extends Omit<FamilyNote, 'datedAt' | 'usedAt' | 'network'> {
  readonly tag: string;
  readonly lastUsedAt?: number;
  readonly lastNetwork?: string;
  readonly ended?: { readonly at: number; readonly reason: EndReason; readonly by: EndedBy };
}

/** A code that nobody redeems is told from a stranger's for a day. */
const UNREDEEMED_MS = 86_400_000;

/**
 * Adds the notes to what is known; one statement.
 * @param keepMs how long a family is remembered after its last limit
 * @returns the tags of those that nothing was known of
 */
export async function writeNotes(
  db: Kysely<Database>,
  notes: readonly FamilyNote[],
  keepMs: number,
): Promise<readonly string[]> {
  if (notes.length === 0) return [];
  const iso = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString());
  const rows = notes
    .map((note) => ({
      tag: tagOf(note.family),
      family_id: note.family,
      account_id: note.accountId,
      client_id: note.clientId,
      session_key: note.sessionKey ?? null,
      scopes: note.scopes,
      offline: note.offline,
      signed_in_at: iso(note.signedInAt),
      born_at: iso(note.bornAt),
      dated_at: iso(note.datedAt),
      redeemed_at: iso(note.redeemedAt),
      idle_until: iso(note.idleUntil),
      absolute_until: iso(note.absoluteUntil),
      refreshes: note.refreshes,
      last_used_at: iso(note.usedAt),
      last_network: note.network ?? null,
      forget_at: iso(
        note.redeemedAt === undefined ? note.idleUntil + UNREDEEMED_MS : note.absoluteUntil + keepMs,
      ),
    }))
    // One order for everybody, so that two processes never wait for each other in a circle.
    .sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const written = await sql<{ tag: string; is_new: boolean }>`
    insert into families (tag, family_id, account_id, client_id, session_key, scopes, offline, signed_in_at, born_at, dated_at,
      redeemed_at, idle_until, absolute_until, refreshes, last_used_at, last_network, forget_at)
    select * from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as note
      (tag text, family_id text, account_id text, client_id text, session_key text, scopes text, offline boolean,
       signed_in_at timestamptz, born_at timestamptz, dated_at timestamptz, redeemed_at timestamptz, idle_until timestamptz,
       absolute_until timestamptz, refreshes bigint, last_used_at timestamptz, last_network text,
       forget_at timestamptz)
    on conflict (tag) do update set
      redeemed_at = coalesce(families.redeemed_at, excluded.redeemed_at),
      idle_until = greatest(families.idle_until, excluded.idle_until),
      absolute_until = greatest(families.absolute_until, excluded.absolute_until),
      refreshes = families.refreshes + excluded.refreshes,
      last_used_at = greatest(families.last_used_at, excluded.last_used_at),
      last_network = case when families.last_used_at > excluded.last_used_at
        then families.last_network else coalesce(excluded.last_network, families.last_network) end,
      forget_at = greatest(families.forget_at, excluded.forget_at)
    where families.family_id = excluded.family_id
    returning tag, xmax = 0 as is_new`.execute(db);
  return written.rows.filter((row) => row.is_new).map(({ tag }) => tag);
}

export async function findByTags(db: Kysely<Database>, tags: readonly string[]): Promise<FamilyRecord[]> {
  if (tags.length === 0) return [];
  const rows = await db.selectFrom('families').selectAll().where('tag', 'in', tags).execute();
  return rows.map(recordOf);
}

/** Newest first. `after`: of the last record of the page before. */
export async function listFamilies(
  db: Kysely<Database>,
  by: {
    accountId?: string;
    clientId?: string;
    /** Only what lives then (ms), as far as these rows know. */
    livingAt?: number;
    after?: { at: number; tag: string } | undefined;
    limit: number;
  },
): Promise<FamilyRecord[]> {
  let query = db.selectFrom('families').selectAll().where('redeemed_at', 'is not', null);
  if (by.accountId !== undefined) query = query.where('account_id', '=', by.accountId);
  if (by.clientId !== undefined) query = query.where('client_id', '=', by.clientId);
  if (by.livingAt !== undefined) {
    query = query.where(
      sql<boolean>`ended_at is null and least(idle_until, absolute_until) > ${new Date(by.livingAt)}::timestamptz`,
    );
  }
  if (by.after) {
    const { at, tag } = by.after;
    query = query.where(sql<boolean>`(born_at, tag) < (${new Date(at)}::timestamptz, ${tag})`);
  }
  const rows = await query.orderBy('born_at', 'desc').orderBy('tag', 'desc').limit(by.limit).execute();
  return rows.map(recordOf);
}

interface End {
  readonly reason: EndReason;
  readonly at: number;
  readonly by?: EndedBy;
}

/** The first end stands, and what had expired before was not ended by it. */
const endable = (at: number) =>
  sql<boolean>`ended_at is null and least(idle_until, absolute_until) > ${new Date(at)}::timestamptz`;

const ending = (e: End) => ({ ended_at: new Date(e.at), ended_reason: e.reason, ended_by: e.by ?? 'system' });

export async function endRowsOfFamilies(
  trx: Kysely<Database>,
  families: readonly string[],
  e: End,
): Promise<void> {
  // Sessions are ended by the same names (families.ts); their rows are others (session-rows.ts).
  const tags = families.filter(isId).map(tagOf);
  if (tags.length === 0) return;
  await trx.updateTable('families').set(ending(e)).where('tag', 'in', tags).where(endable(e.at)).execute();
}

/** Of an account, or of an account and a client. A client's families are settled in batches: they may be millions. */
export async function endRowsOfAccess(
  trx: Kysely<Database>,
  e: End & { readonly accountId?: string; readonly clientId?: string; readonly keptKey?: string },
): Promise<void> {
  if (!e.accountId) return;
  let query = trx
    .updateTable('families')
    .set(ending(e))
    .where('account_id', '=', e.accountId)
    .where('signed_in_at', '<=', new Date(e.at))
    .where(endable(e.at));
  if (e.clientId) query = query.where('client_id', '=', e.clientId);
  if (e.keptKey) query = query.where(sql<boolean>`session_key is distinct from ${e.keptKey}`);
  await query.execute();
}

/** Marks families whose end was committed before their row. */
export async function settleBegun(db: Kysely<Database>, tags: readonly string[]): Promise<void> {
  if (tags.length === 0) return;
  await sql`
    update families set ended_at = fact.ended_at, ended_reason = fact.reason, ended_by = fact.ended_by
    from (
      select f.tag, e.ended_at, e.reason, e.ended_by from families f
        join ended_families e on e.family_id = f.family_id where f.tag = any (${[...tags]}::text[])
      union all
      select f.tag, e.ended_at, e.reason, e.ended_by from families f
        join ended_access e on e.account_id = f.account_id and e.client_id in ('', f.client_id)
          and e.ended_at >= case when e.client_id = '' then f.signed_in_at else f.dated_at end
          and (e.whole_at >= f.signed_in_at or e.client_id <> '' or e.kept_session is distinct from f.session_key)
        where f.tag = any (${[...tags]}::text[])
    ) as fact
    where families.tag = fact.tag and families.ended_at is null`.execute(db);
}

/** Marks families of clients whose access was ended as a whole: perhaps a million of them, so `limit` at a time. */
export async function settleClients(db: Kysely<Database>, limit: number): Promise<void> {
  await sql`
    update families set ended_at = fact.ended_at, ended_reason = fact.reason, ended_by = fact.ended_by
    from (
      select f.tag, e.ended_at, e.reason, e.ended_by from ended_access e
        join families f on f.client_id = e.client_id and f.born_at <= e.ended_at and f.ended_at is null
      where e.account_id = '' limit ${limit}
    ) as fact
    where families.tag = fact.tag and families.ended_at is null`.execute(db);
}

/** How a living family stands to its limits: which rule will end it and when. */
export function limitOf(f: Pick<FamilyRecord, 'idleUntil' | 'absoluteUntil'>): {
  readonly rule: 'idle' | 'absolute';
  readonly at: number;
} {
  return f.idleUntil < f.absoluteUntil
    ? { rule: 'idle', at: f.idleUntil }
    : { rule: 'absolute', at: f.absoluteUntil };
}

export function recordOf(row: FamilyTable): FamilyRecord {
  return {
    tag: row.tag,
    family: row.family_id,
    accountId: row.account_id,
    clientId: row.client_id,
    ...(row.session_key === null ? {} : { sessionKey: row.session_key }),
    scopes: row.scopes,
    offline: row.offline,
    signedInAt: row.signed_in_at.getTime(),
    bornAt: row.born_at.getTime(),
    ...(row.redeemed_at ? { redeemedAt: row.redeemed_at.getTime() } : {}),
    idleUntil: row.idle_until.getTime(),
    absoluteUntil: row.absolute_until.getTime(),
    refreshes: Number(row.refreshes),
    ...(row.last_used_at ? { lastUsedAt: row.last_used_at.getTime() } : {}),
    ...(row.last_network === null ? {} : { lastNetwork: row.last_network }),
    ...(row.ended_at
      ? {
          ended: {
            at: row.ended_at.getTime(),
            reason: endReasonOf(row.ended_reason ?? ''),
            by: (row.ended_by ?? 'system') as EndedBy,
          },
        }
      : {}),
  };
}
