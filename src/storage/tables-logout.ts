/** Tables of back-channel logout. Column names are snake_case; logout-notices.ts and logout-queue.ts alone map them. */
import type { Generated } from 'kysely';

/** One browser session with one client that can be told of its end. */
export interface ClientSessionTable {
  session_uid: string;
  client_id: string;
  account_id: string;
  sid: string;
  begun_at: Date;
  expires_at: Date;
}

/** `due`: still to be told; `told`; `failed`: given up; `silent`: the client has no address to be told at. */
export type NoticeState = 'due' | 'told' | 'failed' | 'silent';

export interface LogoutNoticeTable {
  id: Generated<string>;
  sign_out: string | null;
  client_id: string;
  account_id: string;
  sid: string;
  state: NoticeState;
  tries: Generated<number>;
  next_try_at: Date;
  last_fault: string | null;
  created_at: Date;
  settled_at: Date | null;
  expires_at: Date;
}

export interface LogoutTables {
  client_sessions: ClientSessionTable;
  logout_notices: LogoutNoticeTable;
}
