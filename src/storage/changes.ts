/**
 * What changed, told to every process: a row in the transaction of the change, which the lease of each process reads
 * within about a second (lease.ts). Call `noteChange` for everything that some process may keep in memory.
 */
import type { Kysely } from 'kysely';
import type { ChangeKind } from './lease.ts';
import type { Database } from './tables.ts';

export { type ChangeKind, createLease, type Lease } from './lease.ts';
export { createLeasedCache, type LeasedCache } from './leased-cache.ts';

/** One row, visible to others when the transaction is. */
export async function noteChange(trx: Kysely<Database>, kind: ChangeKind, id: string): Promise<void> {
  await trx.insertInto('changes').values({ kind, subject: id }).execute();
}
