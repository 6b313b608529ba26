import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** Accounts whose holders delete them: signed out at once, gone when the grace time is over. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table accounts drop constraint accounts_status_check`.execute(db);
  await sql`
    alter table accounts
      add column leaving_until timestamptz,
      add constraint accounts_status_check check (status in ('active', 'disabled', 'leaving')),
      add constraint accounts_leaving check ((status = 'leaving') = (leaving_until is not null))
    `.execute(db);
  await sql`create index accounts_leaving_until on accounts (leaving_until) where status = 'leaving'`.execute(
    db,
  );
}
