/**
 * The SQL of what people see of their browser sessions: one row a session, kept for a while after its end. Written at
 * sign-in, touched rarely, and marked in the transaction of whatever ends it. The engine's session decides; these rows
 * tell of it, and know its name when it is to be ended from elsewhere.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { digest } from './digest.ts';
import type { EndedBy, EndReason } from './end-reasons.ts';
import type { SessionRecord } from './session-reads.ts';
import type { Database } from './tables.ts';

export interface SessionStart
  extends Pick<SessionRecord, 'id' | 'network' | 'device' | 'amr' | 'remembered'> {
  readonly uid: string;
  readonly uidSealed: string;
  readonly accountId: string;
  /** When the person proved who they are. */
  readonly at: number;
  readonly browser: string | undefined;
  readonly system: string | undefined;
  readonly idleUntil: number;
  readonly absoluteUntil: number;
  readonly forgetAt: number;
}

/** Begun, or signed in to again. @returns whether it has begun; false too for one that has ended meanwhile */
export async function writeSessionStart(trx: Kysely<Database>, s: SessionStart): Promise<boolean> {
  const at = new Date(s.at);
  const again = {
    signed_in_at: at,
    last_seen_at: at,
    last_network: s.network,
    amr: JSON.stringify(s.amr),
    remembered: s.remembered,
    idle_until: new Date(s.idleUntil),
    absolute_until: new Date(s.absoluteUntil),
    forget_at: new Date(s.forgetAt),
  };
  const row = await trx
    .insertInto('browser_sessions')
    .values({
      id: s.id,
      uid_key: digest(s.uid),
      uid_sealed: s.uidSealed,
      account_id: s.accountId,
      started_at: at,
      network: s.network,
      browser: s.browser ?? null,
      system: s.system ?? null,
      device: s.device,
      ...again,
    })
    .onConflict((same) =>
      same
        .column('uid_key')
        .doUpdateSet(again)
        .where('browser_sessions.account_id', '=', s.accountId)
        .where('browser_sessions.ended_at', 'is', null),
    )
    .returning('id')
    .executeTakeFirst();
  return row?.id === s.id;
}

export interface SessionSeen {
  readonly key: string;
  readonly at: number;
  readonly network: string;
  readonly idleUntil: number;
}

/** One statement for all of them. */
export async function writeSessionsSeen(db: Kysely<Database>, seen: readonly SessionSeen[]): Promise<void> {
  if (seen.length === 0) return;
  const rows = seen
    .map((one) => ({
      key: one.key,
      at: new Date(one.at).toISOString(),
      network: one.network,
      until: new Date(one.idleUntil).toISOString(),
    }))
    // One order for everybody, so that two processes never wait for each other in a circle.
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  await sql`
    with seen as (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as one
        (key text, at timestamptz, network text, until timestamptz)
    ), locked as (
      select s.id, seen.* from browser_sessions s join seen on seen.key = s.uid_key
      where s.ended_at is null and s.last_seen_at < seen.at order by s.uid_key for update of s
    )
    update browser_sessions set last_seen_at = locked.at, last_network = locked.network,
      idle_until = greatest(idle_until, locked.until)
    from locked where browser_sessions.id = locked.id`.execute(db);
}

const living = (at: number): RawBuilder<boolean> =>
  sql<boolean>`ended_at is null and least(idle_until, absolute_until) > ${new Date(at)}::timestamptz`;

interface End {
  readonly reason: EndReason;
  readonly at: number;
  readonly by?: EndedBy;
}

/** Every one of an account that is no younger, but the kept one. */
export async function endSessionsOfAccount(
  trx: Kysely<Database>,
  e: End & { readonly accountId: string; readonly keptKey?: string },
): Promise<void> {
  const others = e.keptKey === undefined ? sql<boolean>`true` : sql<boolean>`uid_key <> ${e.keptKey}`;
  await trx
    .updateTable('browser_sessions')
    .set({ ended_at: new Date(e.at), ended_reason: e.reason, ended_by: e.by ?? 'system' })
    .where('account_id', '=', e.accountId)
    .where('signed_in_at', '<=', new Date(e.at))
    .where(others)
    .where(living(e.at))
    .execute();
}

export async function endSessionsByUid(
  trx: Kysely<Database>,
  uids: readonly string[],
  e: End,
): Promise<void> {
  if (uids.length === 0) return;
  await trx
    .updateTable('browser_sessions')
    .set({ ended_at: new Date(e.at), ended_reason: e.reason, ended_by: e.by ?? 'system' })
    .where('uid_key', 'in', uids.map(digest))
    .where(living(e.at))
    .execute();
}

/** Forgets what is over for long; bounded. @returns how many */
export async function sweepSessions(db: Kysely<Database>, now: number, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from browser_sessions where id in (
      select id from browser_sessions where forget_at <= ${new Date(now)}
      order by forget_at limit ${limit} for update skip locked
    )`.execute(db);
  return Number(numAffectedRows);
}
