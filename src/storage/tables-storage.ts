/** Tables of the storage room. Column names are snake_case; only that room's stores map them. */
import type { Generated } from 'kysely';

/** What the engine stores, when SQL is the store for what expires. One row an artifact, its Grant being the family's row. */
export interface ArtifactTable {
  /** SHA-256 of the id that the outside world holds. */
  key: string;
  kind: string;
  /** The key of its Grant; a Grant names itself. Null for what belongs to no family. */
  family: string | null;
  /** SHA-256 of a session's uid, of a device's user code. */
  uid_key: string | null;
  user_code_key: string | null;
  /** Sealed JSON; its associated data is `kind:key`. */
  payload: string;
  born_at: Date;
  /** When it was last written: of two rows with one uid the newer counts. */
  put_at: Date;
  consumed_at: Date | null;
  /** The network of that use, sealed. */
  consumed_from: string | null;
  expires_at: Date;
  /**
   * On a Grant: why its family ended, so that a statement that waited for the row's lock sees it. On a session: its
   * id was replaced or destroyed and never comes back.
   */
  ended_reason: string | null;
  /** On a Grant: the kept answer of the family's refresh token that was used last, and that token's key. */
  answer_key: string | null;
  answer: string | null;
  answer_binding: string | null;
  answer_until: Date | null;
}

/** Single-use claims: whoever inserts the row has it. */
export interface ClaimTable {
  key: string;
  expires_at: Date;
}

export interface CounterTable {
  key: string;
  count: number;
  reset_at: Date;
}

export interface SessionFamilyTable {
  uid_key: string;
  family: string;
  offline: boolean;
  client_id: string;
  expires_at: Date;
}

/** The durable fact that a family is over; in SQL its tombstone too. `applied`: the other store has been told. */
export interface EndedFamilyTable {
  /** The grant's id: no secret, and needed to find its place in the other store. */
  family_id: string;
  /** SHA-256 of it: the Grant's key in `artifacts`. */
  key: string;
  reason: string;
  ended_by: Generated<string>;
  ended_at: Date;
  expires_at: Date;
  applied: Generated<boolean>;
}

/** What is remembered of a family (family-rows.ts). Nothing is decided by it. */
export interface FamilyTable {
  /** The twelve characters that all its ids share (ids.ts). */
  tag: string;
  family_id: string;
  account_id: string;
  client_id: string;
  /** SHA-256 of the uid of the browser session that it was begun in. */
  session_key: string | null;
  /** Separated by spaces. */
  scopes: string;
  offline: boolean;
  signed_in_at: Date;
  born_at: Date;
  /** What ends of the pair of account and client are held against (protocol/access-gate.ts); not after `born_at`. */
  dated_at: Date;
  redeemed_at: Date | null;
  idle_until: Date;
  absolute_until: Date;
  refreshes: string | number | bigint;
  last_used_at: Date | null;
  last_network: string | null;
  ended_at: Date | null;
  ended_reason: string | null;
  ended_by: string | null;
  forget_at: Date;
}

/** A JWT access token that was revoked on its own, until it would have expired anyway. */
export interface EndedTokenTable {
  jti: string;
  family_id: string | null;
  ended_at: Date;
  expires_at: Date;
  applied: Generated<boolean>;
}

/** Not-before facts. An empty `client_id` means every client of the account, an empty `account_id` every account. */
export interface EndedAccessTable {
  account_id: string;
  client_id: string;
  reason: string;
  ended_by: Generated<string>;
  ended_at: Date;
  /** What was born at or before this is dead without exception; never later than `ended_at`. */
  whole_at: Date;
  /** SHA-256 of the uid of the session that lives on although it is older than `ended_at`. */
  kept_session: string | null;
  expires_at: Date;
}

/** What changed, read by every process's lease. `txid` is the writing transaction: late commits are seen by it. */
export interface ChangeTable {
  id: Generated<number>;
  txid: Generated<string>;
  kind: string;
  subject: string;
  noted_at: Generated<Date>;
}

/** Random secrets of the whole installation, sealed; `id` orders them. */
export interface InstanceSecretTable {
  name: string;
  generation: number;
  sealed: string;
  created_at: Generated<Date>;
}

export interface StorageTables {
  artifacts: ArtifactTable;
  claims: ClaimTable;
  counters: CounterTable;
  session_families: SessionFamilyTable;
  ended_families: EndedFamilyTable;
  families: FamilyTable;
  ended_tokens: EndedTokenTable;
  ended_access: EndedAccessTable;
  changes: ChangeTable;
  instance_secrets: InstanceSecretTable;
}
