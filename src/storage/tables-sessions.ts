/** Tables of what people see of their sessions. Column names are snake_case; session-rows.ts alone maps them. */
import type { ColumnType } from 'kysely';

export interface BrowserSessionTable {
  /** What pages and the command line call it: random, and opens nothing. */
  id: string;
  /** SHA-256 of the engine's uid of the session. */
  uid_key: string;
  /** The uid itself, sealed for `browser-session:<id>`: needed to end the session. */
  uid_sealed: string;
  account_id: string;
  started_at: Date;
  /** Of the last sign-in in it. */
  signed_in_at: Date;
  last_seen_at: Date;
  /** Where it began, and where it was last seen from. */
  network: string;
  last_network: string;
  browser: string | null;
  system: string | null;
  device: string;
  /** JSON text when written. */
  amr: ColumnType<string[], string, string>;
  remembered: boolean;
  idle_until: Date;
  absolute_until: Date;
  ended_at: Date | null;
  ended_reason: string | null;
  ended_by: string | null;
  forget_at: Date;
}

export interface SessionTables {
  browser_sessions: BrowserSessionTable;
}
