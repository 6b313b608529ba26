import { type Kysely, sql } from 'kysely';

/** Who has to be told when a session ends (OpenID Connect Back-Channel Logout), and the messages on their way. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Only clients that can be told: the session of a browser with one of them, as the ID token's `sid` names it.
  await sql`
    create table client_sessions (
      session_uid text not null,
      client_id text not null,
      account_id text not null,
      sid text not null,
      begun_at timestamptz not null,
      expires_at timestamptz not null,
      primary key (session_uid, client_id)
    )`.execute(db);
  await sql`create index client_sessions_account on client_sessions (account_id, client_id)`.execute(db);
  await sql`create index client_sessions_expires_at on client_sessions (expires_at)`.execute(db);

  await sql`
    create table logout_notices (
      id bigint generated always as identity primary key,
      sign_out text,
      client_id text not null,
      account_id text not null,
      sid text not null,
      state text not null check (state in ('due', 'told', 'failed', 'silent')),
      tries integer not null default 0,
      next_try_at timestamptz not null,
      last_fault text,
      created_at timestamptz not null,
      settled_at timestamptz,
      expires_at timestamptz not null
    ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)`.execute(db);
  // By client: those of one that is away, however many, never stand before another's.
  await sql`
    create index logout_notices_due on logout_notices (client_id, next_try_at, id)
      where state = 'due'`.execute(db);
  await sql`create index logout_notices_client on logout_notices (client_id, created_at)`.execute(db);
  await sql`create index logout_notices_sign_out on logout_notices (sign_out) where sign_out is not null`.execute(
    db,
  );
  await sql`create index logout_notices_account on logout_notices (account_id, id)`.execute(db);
  await sql`create index logout_notices_expires_at on logout_notices (expires_at)`.execute(db);
}
