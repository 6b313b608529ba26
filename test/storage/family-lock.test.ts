import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSqlArtifacts } from '../../src/storage/artifacts-sql.ts';
import { endFamilies } from '../../src/storage/ended-access.ts';
import { newId } from '../../src/storage/ids.ts';
import { movableClock, newPostgres, sealing, type TestDatabase } from './databases.ts';

const clock = movableClock();
let database: TestDatabase;

beforeAll(async () => {
  database = await newPostgres();
});
afterAll(() => database.close());

/** Until one statement of this database waits for a lock. */
async function untilSomeoneWaits(): Promise<void> {
  for (;;) {
    const { rows } = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
      database.db,
    );
    if (rows.length > 0) return;
  }
}

test('a commit that waits for a family that is being ended sees the end, with or without a consume', async () => {
  const artifacts = createSqlArtifacts({ db: database.db, sealing, clock });
  for (const consumes of [true, false]) {
    const family = newId('Grant');
    const token = newId('RefreshToken', family);
    const successor = newId('RefreshToken', family);
    await artifacts.put({ kind: 'Grant', id: family, payload: {}, ttlSeconds: 3600 });
    await artifacts.put({ kind: 'RefreshToken', id: token, family, payload: {}, ttlSeconds: 3600 });
    const at = clock.now();
    const { commit } = await database.db
      .transaction()
      .execute(async (trx) => {
        await endFamilies(trx, { families: [family], reason: 'signed out', at, expiresAt: at + 3_600_000 });
        const started = artifacts.commit({
          family,
          ...(consumes ? { consume: { kind: 'RefreshToken', id: token } } : {}),
          puts: [{ kind: 'RefreshToken', id: successor, payload: {}, ttlSeconds: 3600 }],
        });
        await untilSomeoneWaits();
        return { commit: started };
      })
      .then(async ({ commit: started }) => ({ commit: await started }));
    expect(commit).toEqual({ kind: 'ended', reason: 'signed out' });
    const { rows } = await sql`select from artifacts where kind = 'RefreshToken'`.execute(database.db);
    expect(rows).toHaveLength(consumes ? 1 : 2); // the two tokens that were put, no successor
    expect(await artifacts.find('RefreshToken', token)).toEqual({ ended: 'signed out' });
  }
});
