import type { Kysely } from 'kysely';
import type { Database } from './tables.ts';

/** A transaction whose work may decide to have done nothing, and still answer. */
export async function undoable<T>(
  db: Kysely<Database>,
  work: (trx: Kysely<Database>, undo: (outcome: T) => never) => Promise<T>,
): Promise<T> {
  let undone: { readonly outcome: T } | undefined;
  try {
    return await db.transaction().execute((trx) =>
      work(trx, (outcome) => {
        undone = { outcome };
        throw new Undone();
      }),
    );
  } catch (error) {
    if (error instanceof Undone && undone) return undone.outcome;
    throw error;
  }
}

/** Never leaves this file: it makes Kysely roll back. */
class Undone extends Error {}
