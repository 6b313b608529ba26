/** The limits on a real store, shared by two processes' connections where the store serves two. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultLimits, type Limits } from '../../src/config/limits.ts';
import { createSqlCounters } from '../../src/storage/counters-sql.ts';
import { createRequestLimits } from '../../src/throttle/request-limits.ts';
import { createSignInThrottle } from '../../src/throttle/sign-in-throttle.ts';
import { databases, standingClock, type TestDatabase } from '../clients/databases.ts';

const limits: Limits = { ...defaultLimits, tokenPerClient: { limit: 300, windowSeconds: 60 } };

describe.each(databases)('limits shared on $name', ({ name, open }) => {
  let database: TestDatabase;
  const clock = standingClock();
  let stores: ReturnType<typeof createSqlCounters>[];
  beforeAll(async () => {
    database = await open();
    const second = name === 'Postgres' ? await database.another() : database;
    stores = [database, second].map(({ db }) => createSqlCounters({ db, clock }));
  });
  afterAll(() => database.close());

  it('500 parallel takes on two processes: never more than the limit, in every window', async () => {
    const processes = stores.map((counters) => createRequestLimits({ counters, limits, clock }));
    for (let window = 0; window < 3; window += 1) {
      const takes = Array.from({ length: 500 }, (_, i) => processes[i % 2]?.take('tokenPerClient', 'app'));
      const gone = (await Promise.all(takes)).filter((outcome) => outcome?.kind === 'go').length;
      expect(gone).toBeLessThanOrEqual(300);
      expect(gone).toBeGreaterThanOrEqual(300 - 2 * 15);
      clock.advance(60);
    }
  });

  it('S14 1,000 sign-in attempts, 200 at once, on two processes: at most the limit of the account', async () => {
    const processes = stores.map((counters) => createSignInThrottle({ counters, limits, clock }));
    let gone = 0;
    for (let round = 0; round < 5; round += 1) {
      const tries = Array.from({ length: 200 }, (_, i) =>
        processes[i % 2]?.check({ account: 'ada@example.com', network: `10.${round}.0.${i}` }),
      );
      gone += (await Promise.all(tries)).filter((outcome) => outcome?.kind === 'go').length;
    }
    expect(gone).toBeGreaterThanOrEqual(5);
    expect(gone).toBeLessThanOrEqual(limits.signInPerAccount.limit);
  });
});
