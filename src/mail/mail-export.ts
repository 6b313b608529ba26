/** What this room keeps of one account, for its holder: that a mail was written, and what became of it. */
import type { Kysely } from 'kysely';
import { inPages } from '../storage/account-export.ts';
import type { Database } from '../storage/tables.ts';

/** What it said went to the person, and is gone here once it was sent; until then it is sealed. */
export function exportMails(
  db: Kysely<Database>,
  accountId: string,
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  return inPages(
    (after: string | undefined, limit) =>
      db
        .selectFrom('mail_outbox')
        .select(['id', 'kind', 'state', 'attempts', 'created_at'])
        .where('account_id', '=', accountId)
        .$if(after !== undefined, (query) => query.where('id', '>', after ?? '0'))
        .orderBy('id')
        .limit(limit)
        .execute(),
    ({ id }) => String(id),
  );
}
