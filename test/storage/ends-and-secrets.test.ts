import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { createSqlArtifacts } from '../../src/storage/artifacts-sql.ts';
import { createLease } from '../../src/storage/changes.ts';
import { createSqlCounters } from '../../src/storage/counters-sql.ts';
import type { EndReason } from '../../src/storage/end-reasons.ts';
import { endAccess, endFamilies, loadEnds } from '../../src/storage/ended-access.ts';
import { newId, newSessionId, newSessionUid } from '../../src/storage/ids.ts';
import { createInstanceSecrets } from '../../src/storage/random-secrets.ts';
import { createSealing, SealBroken } from '../../src/storage/sealing.ts';
import { databases, movableClock, sealing, silent, type TestDatabase } from './databases.ts';

describe.each(databases)('facts and secrets $name', ({ open }) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await open();
  });
  afterAll(() => database.close());
  const until = Date.now() + 3_600_000;

  test('an end of access counts from its time, and an earlier one does not undo it', async () => {
    const { db } = database;
    await endAccess(db, { accountId: 'a', reason: 'password changed', at: 2_000, expiresAt: until });
    await endAccess(db, { accountId: 'a', reason: 'signed out', at: 1_000, expiresAt: until });
    await endAccess(db, {
      accountId: 'a',
      clientId: 'c',
      reason: 'consent withdrawn',
      at: 3_000,
      expiresAt: until,
    });
    await endAccess(db, { clientId: 'c', reason: 'revoked by administrator', at: 4_000, expiresAt: until });
    expect(await loadEnds(db, { accountId: 'a' })).toEqual({
      allBefore: 2_000,
      byOther: new Map([['c', 3_000]]),
      reason: 'password changed',
    });
    expect(await loadEnds(db, { clientId: 'c' })).toEqual({
      allBefore: 4_000,
      byOther: new Map(),
      reason: 'revoked by administrator',
    });
    expect(await loadEnds(db, { accountId: 'nobody' })).toEqual({ allBefore: 0, byOther: new Map() });
    await expect(endAccess(db, { reason: 'unknown', at: 1, expiresAt: 2 })).rejects.toThrow(
      'whose access ends?',
    );
  });

  test('whoever keeps the account in memory hears of it', async () => {
    const lease = createLease({ db: database.db, clock: movableClock(), leaseMs: 1000, log: silent });
    const heard: string[] = [];
    lease.onChange((kind, ids) => heard.push(`${kind} ${ids}`));
    await lease.ensure();
    await endAccess(database.db, {
      accountId: 'b',
      clientId: 'c',
      reason: 'unknown',
      at: 1,
      expiresAt: until,
    });
    await endAccess(database.db, { clientId: 'd', reason: 'unknown', at: 1, expiresAt: until });
    await lease.renew();
    expect(heard.sort()).toEqual(['account b', 'client d']);
  });

  test('1,200 families end in one call, are owed to the other store, and keep their first reason', async () => {
    const families = Array.from({ length: 1_200 }, () => newId('Grant'));
    const end = (reason: EndReason) =>
      endFamilies(database.db, { families, reason, at: 1, expiresAt: until });
    await end('signed out');
    await end('replayed');
    const { rows } = await sql<{ n: number; reason: string; applied: boolean }>`
      select count(*) as n, reason, applied from ended_families group by reason, applied`.execute(
      database.db,
    );
    expect(rows).toEqual([{ n: 1_200, reason: 'signed out', applied: false }]);
    await endFamilies(database.db, { families: [], reason: 'unknown', at: 1, expiresAt: until });
  });

  test('a secret is made once, however many ask first, and stays', async () => {
    const other = await database.second();
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        createInstanceSecrets({ db: n % 2 ? database.db : other.db, sealing }).get('cookie-keys'),
      ),
    );
    expect(new Set(asked.flat()).size).toBe(1);
    expect(asked[0]?.[0]).toMatch(/^[\w-]{43}$/);
    const { rows } = await sql<{ line: string }>`select s::text as line from instance_secrets s`.execute(
      database.db,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.line).not.toContain(asked[0]?.[0]);
    const stranger = createSealing([new Secret('another master key, of 40 characters too')]);
    const read = createInstanceSecrets({ db: database.db, sealing: stranger }).get('cookie-keys');
    await expect(read).rejects.toThrow(SealBroken);
  });

  test('the sweep takes what has expired and leaves the rest, and an end as long as its family', async () => {
    const clock = movableClock();
    const artifacts = createSqlArtifacts({ db: database.db, sealing, clock });
    const counters = createSqlCounters({ db: database.db, clock });
    const [short, long] = [newId('Grant'), newId('Grant')];
    for (const [id, ttlSeconds] of [
      [short, 60],
      [long, 86_400],
    ] as const) {
      await artifacts.put({ kind: 'Grant', id, payload: {}, ttlSeconds });
      await artifacts.endFamily(id, 'revoked by person', 1);
    }
    const uid = newSessionUid();
    await artifacts.put({ kind: 'Session', id: newSessionId(uid), uid, payload: {}, ttlSeconds: 60 });
    await artifacts.addSessionFamily(uid, long, false, 'c', 60);
    await artifacts.claim('s', 'v', clock.now() + 1_000);
    await counters.hit('k', 60);
    await artifacts.denyToken('jti', long, 60);
    expect(await artifacts.sweep?.()).toBe(0);
    clock.advance(7_200);
    expect(await artifacts.sweep?.()).toBeGreaterThanOrEqual(7);
    const keys = await database.db.selectFrom('ended_families').select('family_id').execute();
    expect(keys.map((row) => row.family_id)).toContain(long);
    expect(keys.map((row) => row.family_id)).not.toContain(short);
    expect(await artifacts.find('Grant', long)).toEqual({ ended: 'revoked by person' });
    expect(await database.db.selectFrom('artifacts').select('key').execute()).toHaveLength(1);
  });

  test('numbers and times come back alike on both databases', async () => {
    const { rows } = await sql<{
      big: unknown;
      huge: unknown;
      at: unknown;
      yes: unknown;
      list: unknown;
      doc: unknown;
    }>`
      select count(*) as big, 9007199254740993::bigint as huge, '2026-01-02T03:04:05.678Z'::timestamptz as at,
        true as yes, array['a', 'b']::text[] as list, '{"a": 1}'::jsonb as doc`.execute(database.db);
    expect(rows[0]).toEqual({
      big: 1,
      huge: 9007199254740993n,
      at: new Date('2026-01-02T03:04:05.678Z'),
      yes: true,
      list: ['a', 'b'],
      doc: { a: 1 },
    });
  });
});
