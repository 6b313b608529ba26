import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLease, createLeasedCache, noteChange } from '../../src/storage/changes.ts';
import type { OpenDatabase } from '../../src/storage/database.ts';
import { databases, movableClock, newPostgres, silent, type TestDatabase } from './databases.ts';

/** A lease that tells what it heard. */
function listening(database: OpenDatabase, clock = movableClock()) {
  const lease = createLease({ db: database.db, clock, leaseMs: 1000, log: silent });
  const heard: string[] = [];
  lease.onChange((kind, ids) => heard.push(...ids.map((id) => `${kind} ${id}`)));
  lease.onReset(() => heard.push('reset'));
  return { lease, heard, clock };
}

describe.each(databases)('the lease $name', ({ open }) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await open();
  });
  afterAll(() => database.close());

  test('costs nothing inside, one statement after it has lapsed, however many ask', async () => {
    const { lease, clock } = listening(database);
    await lease.ensure();
    const before = database.statementCount();
    for (let n = 0; n < 1000; n += 1) await lease.ensure();
    expect(database.statementCount() - before).toBe(0);
    clock.advance(1);
    expect(lease.holds()).toBe(false);
    await Promise.all(Array.from({ length: 50 }, () => lease.ensure()));
    expect(database.statementCount() - before).toBe(1);
  });

  test('a clock that was set back makes it lapse', async () => {
    const { lease, clock } = listening(database);
    await lease.ensure();
    clock.advance(-3600);
    expect(lease.holds()).toBe(false);
  });

  test('tells a change once, and none from before it began', async () => {
    await noteChange(database.db, 'client', 'before');
    const { lease, heard } = listening(database);
    await lease.ensure();
    await noteChange(database.db, 'client', 'one');
    await noteChange(database.db, 'account', 'two');
    await lease.renew();
    await lease.renew();
    expect(heard.filter((entry) => !entry.includes('before'))).toEqual(['client one', 'account two']);
  });

  test('a change that was rolled back is never told', async () => {
    const { lease, heard } = listening(database);
    await lease.ensure();
    const rolledBack = database.db.transaction().execute(async (trx) => {
      await noteChange(trx, 'role', 'never');
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    await lease.renew();
    expect(heard).not.toContain('role never');
  });

  test('after half an hour without a read everything is forgotten', async () => {
    const { lease, heard, clock } = listening(database);
    await lease.ensure();
    clock.advance(1801);
    await lease.ensure();
    expect(heard).toContain('reset');
  });
});

describe('the lease on several connections', () => {
  let database: TestDatabase;
  let writer: OpenDatabase;
  beforeAll(async () => {
    database = await newPostgres();
    writer = await database.second();
  });
  afterAll(() => database.close());

  test('R21 a transaction that commits late is heard, although later ones were heard before', async () => {
    const { lease, heard } = listening(database);
    await lease.ensure();
    await writer.db.transaction().execute(async (late) => {
      await noteChange(late, 'account', 'late');
      await noteChange(database.db, 'account', 'early');
      await lease.renew();
      await noteChange(database.db, 'account', 'middle');
      await lease.renew();
      await lease.renew();
      expect(heard).toEqual(['account early', 'account middle']);
    });
    await lease.renew();
    await lease.renew();
    expect(heard).toEqual(['account early', 'account middle', 'account late']);
  });
});

describe('a leased cache', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await newPostgres();
  });
  afterAll(() => database.close());

  let loads: { id: string; answer: (value: string | undefined) => void; fail: (error: Error) => void }[];
  beforeEach(() => {
    loads = [];
  });

  function cached(max = 10) {
    const { lease, clock } = listening(database);
    const cache = createLeasedCache<string>({
      lease,
      kind: 'client',
      max,
      load: (id) => new Promise((answer, fail) => loads.push({ id, answer, fail })),
    });
    return { lease, clock, cache };
  }
  const loading = async (count: number) => {
    while (loads.length < count) await new Promise((resolve) => setImmediate(resolve));
  };

  test('loads once for all who ask at the same time, then answers from memory', async () => {
    const { cache } = cached();
    const asked = Promise.all(Array.from({ length: 20 }, () => cache.get('a')));
    await loading(1);
    expect(cache.peek('a')).toBeUndefined();
    loads[0]?.answer('A');
    expect(await asked).toEqual(Array(20).fill('A'));
    expect(await cache.get('a')).toBe('A');
    expect(cache.peek('a')).toBe('A');
    expect(loads).toHaveLength(1);
  });

  test('R21 a load under way when its change arrives is not kept', async () => {
    const { lease, cache } = cached();
    const early = cache.get('a');
    await loading(1);
    await noteChange(database.db, 'client', 'a');
    await lease.renew();
    const afterwards = cache.get('a');
    await loading(2);
    loads[1]?.answer('new');
    expect(await afterwards).toBe('new');
    loads[0]?.answer('old');
    expect(await early).toBe('old');
    expect(await cache.get('a')).toBe('new');
    expect(loads).toHaveLength(2);
  });

  test('a change of another kind or another id touches nothing; its own reloads', async () => {
    const { lease, cache } = cached();
    const first = cache.get('a');
    await loading(1);
    loads[0]?.answer('A');
    await first;
    await noteChange(database.db, 'account', 'a');
    await noteChange(database.db, 'client', 'b');
    await lease.renew();
    expect(cache.peek('a')).toBe('A');
    await noteChange(database.db, 'client', 'a');
    await lease.renew();
    expect(cache.peek('a')).toBeUndefined();
  });

  test('what does not exist is remembered until it changes, and a failed load is not', async () => {
    const { lease, cache } = cached();
    const absent = cache.get('a');
    await loading(1);
    loads[0]?.answer(undefined);
    expect(await absent).toBeUndefined();
    expect(await cache.get('a')).toBeUndefined();
    expect(loads).toHaveLength(1);
    await noteChange(database.db, 'client', 'a');
    await lease.renew();
    const failing = cache.get('a');
    await loading(2);
    loads[1]?.fail(new Error('broken'));
    await expect(failing).rejects.toThrow('broken');
    const again = cache.get('a');
    await loading(3);
    loads[2]?.answer('A');
    expect(await again).toBe('A');
  });

  test('bounded: what is not used goes first', async () => {
    const { cache } = cached(4);
    for (const [n, id] of ['a', 'b'].entries()) {
      const got = cache.get(id);
      await loading(n + 1);
      loads[n]?.answer(id);
      await got;
    }
    await cache.get('a');
    const third = cache.get('c');
    await loading(3);
    loads[2]?.answer('c');
    await third;
    expect(['a', 'b', 'c'].map((id) => cache.peek(id))).toEqual(['a', undefined, 'c']);
  });

  test('without the lease nothing is answered from memory', async () => {
    const { cache, clock } = cached();
    const first = cache.get('a');
    await loading(1);
    loads[0]?.answer('A');
    await first;
    clock.advance(1);
    expect(cache.peek('a')).toBeUndefined();
    expect(await cache.get('a')).toBe('A');
    expect(loads).toHaveLength(1);
  });
});
