/** Passkeys: what an account's authenticators have shown of themselves. Nothing here is secret; all of it is personal. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table passkeys (
      id text primary key,
      account_id text not null references accounts (id) on delete cascade,
      credential_id text not null,
      user_handle text not null,
      rp_id text not null,
      public_key text not null,
      sign_count bigint not null,
      transports jsonb not null default '[]',
      backup_eligible boolean not null,
      backed_up boolean not null,
      aaguid text not null,
      name text,
      created_at timestamptz not null,
      last_used_at timestamptz
    )`.execute(db);
  // WebAuthn Level 3 section 7.1: a credential belongs to one account.
  await sql`create unique index passkeys_credential on passkeys (credential_id)`.execute(db);
  await sql`create index passkeys_account on passkeys (account_id, created_at)`.execute(db);
}
