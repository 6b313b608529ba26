import { type Kysely, sql } from 'kysely';

/** Second factors that are codes: authenticators (TOTP) and recovery codes. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // One row an account that ever had a factor: whoever changes its factors holds it until he is done.
  await sql`
    create table factor_accounts (
      account_id text primary key references accounts (id) on delete cascade,
      changed_at timestamptz not null,
      recovery_made_at timestamptz
    )`.execute(db);

  await sql`
    create table authenticators (
      id text primary key,
      account_id text not null references accounts (id) on delete cascade,
      name text not null default '',
      sealed text not null,
      place_digest text not null,
      last_step integer not null default -1,
      created_at timestamptz not null,
      expires_at timestamptz,
      confirmed_at timestamptz,
      last_used_at timestamptz,
      check ((confirmed_at is null) <> (expires_at is null))
    )`.execute(db);
  await sql`create index authenticators_account on authenticators (account_id)`.execute(db);
  // The newest enrolment that waits for its first code replaces the one before.
  await sql`
    create unique index authenticators_pending on authenticators (account_id)
      where confirmed_at is null`.execute(db);
  await sql`
    create index authenticators_expires_at on authenticators (expires_at)
      where confirmed_at is null`.execute(db);

  await sql`
    create table recovery_codes (
      account_id text not null references accounts (id) on delete cascade,
      code_digest text not null,
      made_at timestamptz not null,
      used_at timestamptz,
      primary key (account_id, code_digest)
    )`.execute(db);
}
