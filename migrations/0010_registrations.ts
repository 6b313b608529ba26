import { type Kysely, sql } from 'kysely';

/** Clients that registered themselves, and the tokens that allow it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table client_registrations (
      client_id text primary key references clients (client_id) on delete cascade,
      token_digest text unique,
      created_at timestamptz not null,
      last_used_at timestamptz
    )`.execute(db);
  await sql`
    create index client_registrations_idle on client_registrations (coalesce(last_used_at, created_at))`.execute(
    db,
  );
  await sql`
    create table registration_tokens (
      token_id text primary key,
      digest text not null unique,
      max_uses integer not null,
      uses integer not null default 0,
      created_at timestamptz not null,
      expires_at timestamptz not null
    )`.execute(db);
  await sql`create index registration_tokens_expires_at on registration_tokens (expires_at)`.execute(db);
}
