/**
 * The lease: for how long a process may trust what it keeps in memory. One background read of `changes` renews it;
 * when it has lapsed, a request renews it itself, and failing that is answered 503, never with what may be old.
 *
 * A change is found by its transaction, not by its number or time: a transaction that commits late has an early
 * number. Each read asks for all rows whose transaction was not yet over at the snapshot before (`txid >=` that
 * snapshot's xmin); rows that it has seen already are told once.
 */
import { type Kysely, sql } from 'kysely';
import type { Clock } from '../config/clock.ts';
import type { Log } from '../observability/log.ts';
import type { Database } from './tables.ts';

export type ChangeKind =
  | 'account'
  | 'client'
  | 'resource'
  | 'role'
  | 'key'
  | 'secret'
  | 'setting'
  | 'provider';

export interface Lease {
  /** At once inside the lease; else after a renewal that all callers share. @throws StorageUnavailable */
  ensure(): Promise<void>;
  /** Reads what changed up to now: sees whatever had committed before the call. @throws StorageUnavailable */
  renew(): Promise<void>;
  /** Whether `ensure` would return at once. */
  holds(): boolean;
  /** ms since the epoch: whatever had changed by then has been heard of. 0 before the first read. */
  asOf(): number;
  /** Called before the renewal that found the changes is over. Must not throw. */
  onChange(listener: (kind: ChangeKind, ids: readonly string[]) => void): void;
  /** Called when changes may have been missed (a database restored, a process frozen for long): forget everything. */
  onReset(listener: () => void): void;
  /** Renews in the background every half lease until `close`. */
  start(): void;
  close(): Promise<void>;
}

interface ChangeRow {
  xmin: string;
  id: number | null;
  txid: string | null;
  kind: ChangeKind | null;
  subject: string | null;
}

// Rows are kept for an hour. A process that read nothing for half of it may have missed some and starts afresh.
const KEPT_MS = 3_600_000;
const MISSED_AFTER_MS = KEPT_MS / 2;
/** How often each process removes old rows, and how many at once. */
const PRUNE_EVERY_MS = 300_000;
const PRUNE_BATCH = 1_000;

export function createLease(o: { db: Kysely<Database>; clock: Clock; leaseMs: number; log: Log }): Lease {
  const { db, clock, leaseMs, log } = o;
  const listeners: ((kind: ChangeKind, ids: readonly string[]) => void)[] = [];
  const resetListeners: (() => void)[] = [];
  const held = Promise.resolve();
  let seen = new Set<number>();
  let readFrom: bigint | undefined;
  let renewedAt: number | undefined;
  let prunedAt = clock.now();
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  // A clock that was set back makes it lapse too: better one read too many than a lease that never ends.
  const holds = () => {
    const age = renewedAt === undefined ? leaseMs : clock.now() - renewedAt;
    return age >= 0 && age < leaseMs;
  };

  async function read(): Promise<void> {
    const askedAt = clock.now();
    const from = readFrom;
    const { rows } = await sql<ChangeRow>`
      select s.xmin::text as xmin, c.id, c.txid::text as txid, c.kind, c.subject
      from (select pg_snapshot_xmin(pg_current_snapshot()) as xmin) as s
      left join changes c on c.txid >= coalesce(${from === undefined ? null : String(from)}::text::xid8, s.xmin)
      order by c.id`.execute(db);
    const xmin = BigInt(rows[0]?.xmin ?? 0);
    const late = renewedAt !== undefined && askedAt - renewedAt > MISSED_AFTER_MS;
    if (from !== undefined && (late || xmin < from)) for (const reset of resetListeners) reset();
    const heard = newlySeen(rows, xmin);
    // The first read only takes its bearings: whatever is loaded from now on has those changes in it.
    if (from !== undefined)
      for (const [kind, ids] of heard) for (const tell of listeners) tell(kind, [...ids]);
    readFrom = xmin;
    renewedAt = askedAt; // not the time of the answer: it is as old as its question
  }

  function newlySeen(rows: readonly ChangeRow[], xmin: bigint): ReadonlyMap<ChangeKind, ReadonlySet<string>> {
    const byKind = new Map<ChangeKind, Set<string>>();
    const stillAhead = new Set<number>();
    for (const { id, txid, kind, subject } of rows) {
      if (id === null || txid === null || kind === null || subject === null) continue;
      if (BigInt(txid) >= xmin) stillAhead.add(id);
      if (seen.has(id)) continue;
      byKind.set(kind, (byKind.get(kind) ?? new Set()).add(subject));
    }
    seen = stillAhead;
    return byKind;
  }

  function startReading(): Promise<void> {
    current = read().finally(() => {
      current = undefined;
    });
    return current;
  }

  /** A read under way may have taken its snapshot before the caller's change: wait for it, then share one more. */
  function renew(): Promise<void> {
    if (!current) return startReading();
    next ??= current
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return current ?? startReading();
      });
    return next;
  }

  async function ensureByReading(): Promise<void> {
    await (current ?? startReading());
    // The read took longer than the lease lasts: its answer is old already, so one more decides.
    if (!holds()) await renew();
  }

  async function prune(): Promise<void> {
    if (clock.now() - prunedAt < PRUNE_EVERY_MS) return;
    prunedAt = clock.now();
    await sql`
      delete from changes where id = any (array(
        select id from changes where noted_at < now() - ${sql.lit(KEPT_MS)} * interval '1 millisecond'
        order by noted_at limit ${sql.lit(PRUNE_BATCH)} for update skip locked
      ))`.execute(db);
  }

  async function beat(): Promise<void> {
    try {
      await renew();
      await prune();
    } catch (error) {
      log.warn('the lease was not renewed', {
        fault: error instanceof Error ? error.message : String(error),
      });
    }
    if (!closed) schedule();
  }
  function schedule(): void {
    timer = setTimeout(beat, leaseMs / 2).unref();
  }

  return {
    ensure: () => (holds() ? held : ensureByReading()),
    renew,
    holds,
    asOf: () => renewedAt ?? 0,
    onChange: (listener) => void listeners.push(listener),
    onReset: (listener) => void resetListeners.push(listener),
    start: () => {
      if (!timer) schedule();
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await current?.catch(() => undefined);
    },
  };
}
