import { type Kysely, sql } from 'kysely';

/** What people see of their browser sessions: where, on what, since when, until when. Nothing is decided by it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table browser_sessions (
      id text primary key,
      uid_key text not null unique,
      uid_sealed text not null,
      account_id text not null references accounts (id) on delete cascade,
      started_at timestamptz not null,
      signed_in_at timestamptz not null,
      last_seen_at timestamptz not null,
      network text not null,
      last_network text not null,
      browser text,
      system text,
      device text not null,
      amr jsonb not null,
      remembered boolean not null,
      idle_until timestamptz not null,
      absolute_until timestamptz not null,
      ended_at timestamptz,
      ended_reason text,
      ended_by text,
      forget_at timestamptz not null
    ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)`.execute(db);
  await sql`create index browser_sessions_account on browser_sessions (account_id, last_seen_at, id)`.execute(
    db,
  );
  await sql`create index browser_sessions_forget_at on browser_sessions (forget_at)`.execute(db);
  // The apps inside: looked up by session, and the living ones of an account.
  await sql`
    create index families_account_living on families (account_id, born_at)
      where ended_at is null and redeemed_at is not null`.execute(db);
}
