/**
 * The audit trail. What changes state is appended in the transaction that changes it, so that neither exists without
 * the other. Token issuance goes through a bounded buffer instead, so that no token waits for a write.
 * Owned by this room: the catalogue of events, their rows, and the refusals that references point to.
 */
import type { Kysely } from 'kysely';
import type { Clock } from '../config/clock.ts';
import type { Log } from '../observability/log.ts';
import type { Database } from '../storage/tables.ts';
import { insertEvents, type StampedEvent, searchEvents } from './audit-store.ts';
import { createBatch } from './batch.ts';
import type { AuditEvent } from './catalogue.ts';
import type { AuditPage, AuditSearch } from './search.ts';

export interface Audit {
  /** Writes the event with `trx`, the transaction of what it describes; it is there if and only if that commits. */
  append(trx: Kysely<Database>, event: AuditEvent): Promise<void>;
  /**
   * Keeps the event for the next batch (every 200 ms). For token issuance and what else may be lost: a crash loses at
   * most the events of the last 200 ms, and a full buffer (while the database is away) drops and counts.
   */
  later(event: AuditEvent): void;
  /** Writes what the buffer holds now. */
  flush(): Promise<void>;
  /** Stops the timer and writes what is left. */
  close(): Promise<void>;
  /**
   * Newest first, by keyset pages.
   * @throws RangeError when `after` is not the `next` of a page
   */
  search(by: AuditSearch): Promise<AuditPage>;
  /** How many events `later` has lost since the start. */
  droppedCount(): number;
}

export interface AuditOptions {
  db: Kysely<Database>;
  clock: Clock;
  log: Log;
  flushMs?: number;
  max?: number;
}

export function createAudit({ db, clock, log, flushMs, max }: AuditOptions): Audit {
  const stamped = (event: AuditEvent): StampedEvent => ({ ...event, at: event.at ?? clock.now() });
  const batch = createBatch<StampedEvent>({
    write: (events) => insertEvents(db, events),
    name: 'audit',
    log,
    ...(flushMs !== undefined && { flushMs }),
    ...(max !== undefined && { max }),
  });
  return {
    append: (trx, event) => insertEvents(trx, [stamped(event)]),
    later: (event) => batch.add(stamped(event)),
    flush: batch.flush,
    close: batch.close,
    search: (by) => searchEvents(db, by),
    droppedCount: batch.droppedCount,
  };
}
