import { type Kysely, sql } from 'kysely';

/** What a mailed link or typed code proves: at most one live proof a purpose and subject. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table mailed_proofs (
      purpose text not null,
      subject text not null,
      account_id text references accounts (id) on delete cascade,
      email text not null,
      token_digest text not null unique,
      code_digest text not null,
      tries integer not null default 0,
      bound_address text,
      bound_version integer,
      data jsonb not null default '{}',
      created_at timestamptz not null,
      expires_at timestamptz not null,
      used_at timestamptz,
      primary key (purpose, subject)
    )`.execute(db);
  await sql`create index mailed_proofs_account on mailed_proofs (account_id) where account_id is not null`.execute(
    db,
  );
  await sql`create index mailed_proofs_expires_at on mailed_proofs (expires_at)`.execute(db);
}
