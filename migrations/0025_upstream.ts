import { type Kysely, sql } from 'kysely';

/** Other providers that people sign in with, who they are there, and sign-ins there that are under way. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table upstream_providers (
      provider_id text primary key,
      name text not null,
      enabled boolean not null default true,
      settings jsonb not null,
      sealed_secret text,
      created_at timestamptz not null,
      updated_at timestamptz not null
    )`.execute(db);

  await sql`
    create table upstream_identities (
      provider_id text not null references upstream_providers (provider_id) on delete cascade,
      issuer text not null,
      subject text not null,
      account_id text not null references accounts (id) on delete cascade,
      email text,
      linked_at timestamptz not null,
      last_used_at timestamptz,
      primary key (provider_id, issuer, subject)
    )`.execute(db);
  await sql`create index upstream_identities_account on upstream_identities (account_id)`.execute(db);

  await sql`
    create table upstream_attempts (
      attempt_id text primary key,
      provider_id text not null,
      browser_digest text not null,
      stage text not null,
      sealed text not null,
      sealed_answer text,
      handle_digest text unique,
      expires_at timestamptz not null
    )`.execute(db);
  await sql`create index upstream_attempts_expires_at on upstream_attempts (expires_at)`.execute(db);
}
