/** Removes rows whose time is over. Correctness never waits for it: every read looks at the clock itself. */
import { type Kysely, sql } from 'kysely';
import type { Clock } from '../config/clock.ts';
import type { Database } from './tables.ts';

// 500 rows a statement hold their locks for some milliseconds, and stop an embedded database for no longer. 20 of
// them a call and table remove 10,000: called every minute, that keeps up with 160 new rows a second.
const BATCH = 500;
const BATCHES = 20;

/** Clocks of processes differ by seconds, so what is gone for one must be gone for all. */
const GRACE_MS = 60_000;

const dated = [
  ['artifacts', 'expires_at'],
  ['claims', 'expires_at'],
  ['counters', 'reset_at'],
  ['session_families', 'expires_at'],
  ['ended_tokens', 'expires_at'],
  ['ended_access', 'expires_at'],
] as const;

/** Answers how many rows it removed. Several processes may do it at once: locked rows are left to the other one. */
export async function sweepExpired(db: Kysely<Database>, clock: Clock): Promise<number> {
  const before = new Date(clock.now() - GRACE_MS);
  let removed = 0;
  for (const [table, column] of dated) {
    const due = sql`${sql.ref(column)} <= ${before}`;
    removed += await inBatches(db, table, due);
  }
  // A family's end is told for as long as anything of the family is there to be found.
  const over = sql`expires_at <= ${before} and not exists (select from artifacts where family = ended_families.key)`;
  return removed + (await inBatches(db, 'ended_families', over));
}

async function inBatches(db: Kysely<Database>, table: string, due: ReturnType<typeof sql>): Promise<number> {
  let removed = 0;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const { numAffectedRows = 0n } = await sql`
      delete from ${sql.table(table)} where ctid = any (array(
        select ctid from ${sql.table(table)} where ${due} limit ${sql.lit(BATCH)} for update skip locked
      ))`.execute(db);
    removed += Number(numAffectedRows);
    if (numAffectedRows < BATCH) break;
  }
  return removed;
}
