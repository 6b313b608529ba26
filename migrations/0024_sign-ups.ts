import { type Kysely, sql } from 'kysely';

/** People who are invited, and people who are making an account right now. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // One for an address: a newer invitation replaces the older one. It goes when it is taken.
  await sql`
    create table invitations (
      id text primary key,
      email text not null,
      email_canonical text not null unique,
      roles jsonb not null default '[]',
      created_at timestamptz not null,
      expires_at timestamptz not null
    )`.execute(db);
  await sql`create index invitations_created on invitations (created_at, id)`.execute(db);
  await sql`create index invitations_expires_at on invitations (expires_at)`.execute(db);

  // How far a visit to the sign-up pages has come. No account yet: nothing here is anybody's.
  await sql`
    create table sign_ups (
      visit_digest text primary key,
      email text not null,
      email_canonical text not null,
      proved_at timestamptz,
      expires_at timestamptz not null
    )`.execute(db);
  await sql`create index sign_ups_expires_at on sign_ups (expires_at)`.execute(db);
}
