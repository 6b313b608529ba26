/**
 * The audit trail. What changes state is appended in the transaction that changes it, so that neither exists without
 * the other. Token issuance goes through a bounded buffer instead (audit/batch.ts), so that no token waits for a write.
 */
import type { Kysely } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { AuditEvent, AuditType } from './catalogue.ts';
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
  /** Newest first, by keyset pages. */
  search(by: AuditSearch): Promise<AuditPage>;
  /** How many events `later` has lost since the start. */
  droppedCount(): number;
}

export type { AuditEvent, AuditType };
