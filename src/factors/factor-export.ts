/** What this room keeps of one account, for its holder: names and dates of its factors, never what they are made of. */
import type { Kysely } from 'kysely';
import type { Database } from '../storage/tables.ts';

type Row = Readonly<Record<string, unknown>>;

export async function* exportFactors(db: Kysely<Database>, accountId: string): AsyncGenerator<Row> {
  const changes = await db
    .selectFrom('factor_accounts')
    .select(['changed_at', 'recovery_made_at'])
    .where('account_id', '=', accountId)
    .execute();
  yield* changes.map((row) => ({ what: 'last change', ...row }));
  const authenticators = await db
    .selectFrom('authenticators')
    .select(['id', 'name', 'created_at', 'expires_at', 'confirmed_at', 'last_used_at'])
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .execute();
  yield* authenticators.map((row) => ({ what: 'authenticator app', ...row }));
  const codes = await db
    .selectFrom('recovery_codes')
    .select(['made_at', 'used_at'])
    .where('account_id', '=', accountId)
    .orderBy('used_at')
    .execute();
  yield* codes.map((row) => ({ what: 'recovery code', ...row }));
}
