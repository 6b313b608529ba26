import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { endAccess } from '../../src/storage/ended-access.ts';
import { createFamilyIndex, type FamilyIndex } from '../../src/storage/family-index.ts';
import { newId } from '../../src/storage/ids.ts';
import { movableClock, newPostgres, silent, type TestDatabase } from './databases.ts';

const HOUR_MS = 3_600_000;
const clock = movableClock();
let database: TestDatabase;
let index: FamilyIndex;

beforeAll(async () => {
  database = await newPostgres();
  // Written when the test says so.
  index = createFamilyIndex({
    db: database.db,
    clock,
    log: silent,
    keepSeconds: 3600,
    flushMs: HOUR_MS,
  });
});
afterAll(async () => {
  await index?.close();
  await database?.close();
});

function noteAt(at: number, accountId = 'somebody') {
  return {
    family: newId('Grant'),
    accountId,
    clientId: 'app',
    scopes: 'openid offline_access',
    offline: true,
    signedInAt: at,
    bornAt: at,
    datedAt: at,
    redeemedAt: at,
    idleUntil: at + HOUR_MS,
    absoluteUntil: at + HOUR_MS,
    refreshes: 0,
  };
}

test('an end that is under way while the row is written, and committed after it, is told', async () => {
  const at = clock.now();
  index.note(noteAt(at));
  await database.db.transaction().execute(async (trx) => {
    await endAccess(trx, {
      accountId: 'somebody',
      reason: 'password changed',
      by: 'operator',
      at: at + 1,
      expiresAt: at + HOUR_MS,
    });
    await index.flush();
    const [family] = await index.list({ accountId: 'somebody', limit: 1 });
    expect(family).toBeDefined();
    expect(family?.ended).toBeUndefined();
  });
  await index.flush();
  const [family] = await index.list({ accountId: 'somebody', limit: 1 });
  expect(family?.ended).toMatchObject({ reason: 'password changed', by: 'operator' });
});

test('a batch that was written, but not held against the ends before it, is held against them the next time', async () => {
  let faults = 1;
  const failing = database.db.withPlugin({
    transformQuery: ({ node }) => {
      const text = node.kind === 'RawNode' ? node.sqlFragments.join('?') : '';
      if (text.includes('update families set ended_at') && faults-- > 0) throw new Error('the line was cut');
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const at = clock.now();
  const unlucky = createFamilyIndex({
    db: failing,
    clock,
    log: silent,
    keepSeconds: 60,
    flushMs: HOUR_MS,
  });
  const person = { accountId: 'unlucky', reason: 'signed out', at: at + 1, expiresAt: at + HOUR_MS } as const;
  await endAccess(database.db, person);
  unlucky.note(noteAt(at, 'unlucky'));
  await unlucky.flush();
  const [written] = await unlucky.list({ accountId: 'unlucky', limit: 1 });
  expect([written?.ended, faults]).toEqual([undefined, 0]);
  await unlucky.flush();
  const [settled] = await unlucky.list({ accountId: 'unlucky', limit: 1 });
  expect(settled?.ended).toMatchObject({ reason: 'signed out' });
  await unlucky.close();
});

test('an end of the pair is held against the time that a family is dated by, not against its beginning', async () => {
  const at = clock.now();
  const note = { ...noteAt(at, 'dated'), bornAt: at + 1_000, datedAt: at - 1_000 };
  const pair = { accountId: 'dated', clientId: 'app', at, expiresAt: at + HOUR_MS } as const;
  await endAccess(database.db, { ...pair, reason: 'consent withdrawn' });
  index.note(note);
  await index.flush();
  const [family] = await index.list({ accountId: 'dated', limit: 1 });
  expect(family).toMatchObject({ bornAt: at + 1_000, ended: { reason: 'consent withdrawn' } });
});

test('a code that is redeemed soon is one write; one that is not is written too, and at once when somebody asks', async () => {
  const written: unknown[] = [];
  const watched = database.db.withPlugin({
    transformQuery: ({ node }) => {
      if (node.kind === 'RawNode' && node.sqlFragments.join('?').includes('insert into families')) {
        const [rows] = node.parameters as readonly { value?: unknown }[];
        written.push(JSON.parse(String(rows?.value)));
      }
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const quick = createFamilyIndex({ db: watched, clock, log: silent, keepSeconds: 60, flushMs: 30 });
  const begun = (accountId: string) => ({ ...noteAt(clock.now(), accountId), redeemedAt: undefined });
  const redeemed = begun('redeemed');
  quick.note(redeemed);
  quick.note({ ...redeemed, redeemedAt: clock.now(), network: '203.0.113.0/24' });
  quick.note(begun('left alone'));
  await vi.waitFor(() => expect(written).toHaveLength(2), 5_000);
  expect(written).toMatchObject([
    [{ account_id: 'redeemed', last_network: '203.0.113.0/24' }],
    [{ account_id: 'left alone', redeemed_at: null }],
  ]);
  const asked = begun('asked for');
  quick.note(asked);
  const told = await new Promise((resolve) => quick.ask(asked.family, clock.now(), resolve));
  expect(told).toMatchObject({ reason: 'unknown', family: { accountId: 'asked for' } });
  await quick.close();
});
