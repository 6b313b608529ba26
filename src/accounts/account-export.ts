/** What this room keeps of one account, for its holder: everything but the hash of the password, told by its date. */
import type { Kysely } from 'kysely';
import type { Database } from '../storage/tables.ts';

type Row = Readonly<Record<string, unknown>>;

export async function* exportAccount(db: Kysely<Database>, accountId: string): AsyncGenerator<Row> {
  const row = await db
    .selectFrom('accounts')
    .leftJoin('account_passwords', 'account_passwords.account_id', 'accounts.id')
    .selectAll('accounts')
    .select('account_passwords.set_at as password_set_at')
    .where('accounts.id', '=', accountId)
    .executeTakeFirst();
  if (row) yield row;
}

export async function* exportRoles(db: Kysely<Database>, accountId: string): AsyncGenerator<Row> {
  yield* await db
    .selectFrom('account_roles')
    .select(['audience', 'role', 'granted_at'])
    .where('account_id', '=', accountId)
    .orderBy('audience')
    .orderBy('role')
    .execute();
}

export async function* exportConsents(db: Kysely<Database>, accountId: string): AsyncGenerator<Row> {
  yield* await db
    .selectFrom('consents')
    .select(['client_id', 'scopes', 'claims', 'resources', 'details', 'granted_at', 'updated_at'])
    .where('account_id', '=', accountId)
    .orderBy('client_id')
    .execute();
}
