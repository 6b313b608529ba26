/** Hands out logout notices, each to one process at a time, and keeps what became of them. */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { Clock } from '../config/clock.ts';
import { digest } from './digest.ts';
import type { Database } from './tables.ts';
import type { LogoutNoticeTable, NoticeState } from './tables-logout.ts';

export interface LogoutNotice {
  readonly id: string;
  readonly clientId: string;
  readonly accountId: string;
  readonly sid: string;
  /** This one included. */
  readonly tries: number;
}

/** What became of one client of a sign-out. */
export interface Told {
  readonly clientId: string;
  readonly state: NoticeState;
}

/** How a client's receiver has done in the last week. Times are ms since the epoch. */
export interface ReceiverHealth {
  readonly due: number;
  readonly failed: number;
  readonly lastToldAt?: number;
  readonly lastFault?: string;
}

export interface LogoutQueue {
  /** At most `most` due notices, one a client, none of the clients in `except`; nobody else gets them for 15 s. */
  claim(most: number, except: readonly string[]): Promise<readonly LogoutNotice[]>;
  /**
   * Those of a sign-out, for the process that wrote them: its own turn comes first. `failing`: something else waits for
   * that client because it did not take it.
   */
  ofSignOut(signOut: string): Promise<readonly (LogoutNotice & { readonly failing: boolean })[]>;
  states(signOut: string): Promise<readonly Told[]>;
  told(id: string): Promise<void>;
  /** Tries again at `nextTryAt` (ms), and so do the client's others; without it, the notice is given up. */
  failed(notice: LogoutNotice, fault: string, nextTryAt?: number): Promise<void>;
  health(clientId: string): Promise<ReceiverHealth>;
  /** Notices that are due, and clients that did not take one of them. */
  backlog(): Promise<{ readonly due: number; readonly failing: number }>;
  sweep(): Promise<void>;
}

/** Longer than a try may take (5 s) with its wait for a place. */
const CLAIM_MS = 15_000;
/** Settled notices show how a receiver has been doing. */
const SETTLED_MS = 7 * 86_400_000;
const SWEEP_BATCH = 500;
const SWEEP_BATCHES = 20;
const LONGEST_FAULT = 200;

export function createLogoutQueue({ db, clock }: { db: Kysely<Database>; clock: Clock }): LogoutQueue {
  const now = () => new Date(clock.now());

  async function settle(id: string, state: 'told' | 'failed', fault: string | null): Promise<void> {
    await db
      .updateTable('logout_notices')
      .set({
        state,
        last_fault: fault,
        settled_at: now(),
        expires_at: new Date(clock.now() + SETTLED_MS),
        tries: sql<number>`tries + 1`,
      })
      .where('id', '=', id)
      .where('state', '=', 'due')
      .execute();
  }

  return {
    async claim(most, except) {
      const { rows } = await sql<Selectable<LogoutNoticeTable>>`
        with turn as (
          select first.id from (
            select client_id, min(next_try_at) as since from logout_notices
            where state = 'due' and next_try_at <= ${now()}::timestamptz
              and client_id <> all (${[...except]}::text[])
            group by client_id order by since limit ${most}
          ) as waiting cross join lateral (
            select id from logout_notices
            where client_id = waiting.client_id and state = 'due' and next_try_at <= ${now()}::timestamptz
            order by next_try_at, id limit 1
          ) as first
        ), locked as (
          select id from logout_notices
          where id in (select id from turn) and state = 'due'
            and next_try_at <= ${now()}::timestamptz
          for update skip locked
        )
        update logout_notices set next_try_at = ${new Date(clock.now() + CLAIM_MS)}::timestamptz
        from locked where logout_notices.id = locked.id returning logout_notices.*`.execute(db);
      return rows.map(noticeOf);
    },
    async ofSignOut(signOut) {
      const { rows } = await sql<Selectable<LogoutNoticeTable> & { failing: boolean }>`
        select n.*, exists (
          select from logout_notices o where o.client_id = n.client_id and o.state = 'due' and o.tries > 0
        ) as failing
        from logout_notices n where n.sign_out = ${digest(signOut)} and n.state = 'due'`.execute(db);
      return rows.map((row) => ({ ...noticeOf(row), failing: row.failing }));
    },
    async states(signOut) {
      const rows = await db
        .selectFrom('logout_notices')
        .select(['client_id', 'state'])
        .where('sign_out', '=', digest(signOut))
        .where('expires_at', '>', now())
        .orderBy('id')
        .limit(100)
        .execute();
      return rows.map((row) => ({ clientId: row.client_id, state: row.state }));
    },
    told: (id) => settle(id, 'told', null),
    async failed(notice, fault, nextTryAt) {
      const said = fault.slice(0, LONGEST_FAULT);
      if (nextTryAt === undefined) return settle(notice.id, 'failed', said);
      await db
        .updateTable('logout_notices')
        .set({ tries: notice.tries, last_fault: said, next_try_at: new Date(nextTryAt) })
        .where('id', '=', notice.id)
        .where('state', '=', 'due')
        .execute();
      // A receiver that is down costs one try a turn, however many notices wait for it.
      await db
        .updateTable('logout_notices')
        .set({ next_try_at: new Date(nextTryAt) })
        .where('client_id', '=', notice.clientId)
        .where('state', '=', 'due')
        .where('next_try_at', '<', new Date(nextTryAt))
        .execute();
    },
    async health(clientId) {
      const row = await db
        .selectFrom('logout_notices')
        .select((eb) => [
          eb.fn.countAll<string>().filterWhere('state', '=', 'due').as('due'),
          eb.fn.countAll<string>().filterWhere('state', '=', 'failed').as('failed'),
          eb.fn.max('settled_at').filterWhere('state', '=', 'told').as('last_told_at'),
          sql<
            string | null
          >`(array_agg(last_fault order by id desc) filter (where last_fault is not null))[1]`.as(
            'last_fault',
          ),
        ])
        .where('client_id', '=', clientId)
        .where('state', '<>', 'silent')
        .where('expires_at', '>', now())
        .executeTakeFirstOrThrow();
      return {
        due: Number(row.due),
        failed: Number(row.failed),
        ...(row.last_told_at ? { lastToldAt: row.last_told_at.getTime() } : {}),
        ...(row.last_fault ? { lastFault: row.last_fault } : {}),
      };
    },
    async backlog() {
      const { rows } = await sql<{ due: string; failing: string }>`
        select count(*) as due, count(distinct client_id) filter (where tries > 0) as failing
        from (select client_id, tries from logout_notices where state = 'due' limit 100000) as waiting`.execute(
        db,
      );
      return { due: Number(rows[0]?.due ?? 0), failing: Number(rows[0]?.failing ?? 0) };
    },
    async sweep() {
      for (const table of ['client_sessions', 'logout_notices'] as const) {
        for (let batch = 0; batch < SWEEP_BATCHES; batch += 1) {
          const { numAffectedRows = 0n } = await sql`
            delete from ${sql.table(table)} where ctid = any (array(
              select ctid from ${sql.table(table)} where expires_at <= ${now()}::timestamptz
              limit ${sql.lit(SWEEP_BATCH)} for update skip locked
            ))`.execute(db);
          if (numAffectedRows < SWEEP_BATCH) break;
        }
      }
    },
  };
}

function noticeOf(row: Selectable<LogoutNoticeTable>): LogoutNotice {
  return {
    // A bigint, which PGlite gives as a number.
    id: String(row.id),
    clientId: row.client_id,
    accountId: row.account_id,
    sid: row.sid,
    tries: row.tries + 1,
  };
}
