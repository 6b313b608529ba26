import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** What the sign-ins of an account, and of whoever holds a role, need besides the first factor. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['accounts', 'roles']) {
    await sql`
      alter table ${sql.table(table)} add column second_factor text
      check (second_factor in ('none', 'optional', 'required', 'passkey'))
    `.execute(db);
  }
}
