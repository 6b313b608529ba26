import { afterAll, beforeAll, expect, test } from 'vitest';
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

test('an end that is under way while the row is written, and committed after it, is told', async () => {
  const at = clock.now();
  index.note({
    family: newId('Grant'),
    accountId: 'somebody',
    clientId: 'app',
    scopes: 'openid offline_access',
    offline: true,
    signedInAt: at,
    bornAt: at,
    redeemedAt: at,
    idleUntil: at + HOUR_MS,
    absoluteUntil: at + HOUR_MS,
    refreshes: 0,
  });
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
