/** Tables of the audit room. Column names are snake_case; only that room's stores map them. */
import type { ColumnType, Generated } from 'kysely';

/** Append-only. `id` grows with time within one process and breaks ties between equal times. */
export interface AuditEventTable {
  id: Generated<string>;
  at: Date;
  type: string;
  actor_kind: string;
  actor_id: string | null;
  account_id: string | null;
  client_id: string | null;
  network: string | null;
  request_id: string | null;
  detail: ColumnType<Record<string, unknown>, string, never>;
}

/** What was refused and why, for seven days, under the reference that the refused one was told. */
export interface RefusalTable {
  reference: string;
  at: Date;
  expires_at: Date;
  kind: string;
  rule: string;
  error: string;
  expected: string | null;
  received: string | null;
  description: string | null;
  cause: string | null;
  sent: ColumnType<Record<string, string> | null, never, never>;
  client_id: string | null;
  account_id: string | null;
  network: string;
  request_id: string | null;
}

export interface AuditTables {
  audit_events: AuditEventTable;
  refusals: RefusalTable;
}
