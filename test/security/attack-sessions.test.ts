/** Signing out against requests that still hold the session: nothing of it comes back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Put } from '../../src/storage/artifacts.ts';
import { newId, newSessionId, newSessionUid } from '../../src/storage/ids.ts';
import { freshStores, type Setup, type Stores, startServer, type TestServer } from '../harness/server.ts';

const setups: readonly (readonly [Setup, string])[] = [
  ['embedded', 'on embedded'],
  ['plain', 'on postgres'],
  ['full', 'on postgres and redis'],
];

describe.each(setups)('a session that was signed out, with %s: %s', (setup) => {
  let stores: Stores;
  let server: TestServer;

  beforeAll(async () => {
    stores = await freshStores(setup);
    server = await startServer(stores);
  });
  afterAll(async () => {
    await server?.stop();
    await stores?.drop();
  });

  /** A session that has had so many ids; the puts that requests made under each of them would do. */
  async function sessionWithIds(count: number): Promise<{ uid: string; puts: Put[] }> {
    const uid = newSessionUid();
    const puts = Array.from({ length: count }, (): Put => {
      const id = newSessionId(uid);
      const payload = { accountId: 'somebody', uid, jti: id };
      return { kind: 'Session', id, uid, payload, ttlSeconds: 600 };
    });
    for (const put of puts) await server.rooms.artifacts.put(put);
    return { uid, puts };
  }

  test('S1 no id that it ever had brings it back after the sign-out', async () => {
    const { artifacts, sessions } = server.rooms;
    const { uid, puts } = await sessionWithIds(4);
    await sessions.signOut(uid, 'somebody');
    for (const put of puts) await artifacts.put(put);
    for (const put of puts) expect(await artifacts.find('Session', put.id)).toEqual({});
    expect(await artifacts.findSessionByUid(uid)).toEqual({});
  });

  test('S1 no id that it had before replaces the one that it has', async () => {
    const { artifacts } = server.rooms;
    const { uid, puts } = await sessionWithIds(4);
    for (const put of puts.slice(0, 3)) await artifacts.put(put);
    for (const put of puts.slice(0, 3)) expect(await artifacts.find('Session', put.id)).toEqual({});
    expect((await artifacts.findSessionByUid(uid)).artifact?.payload).toEqual(puts[3]?.payload);
  });

  test('S9 a change of its id that was under way does not bring it back', async () => {
    const { artifacts, sessions } = server.rooms;
    const { uid, puts } = await sessionWithIds(1);
    await sessions.signOut(uid, 'somebody');
    const late = newSessionId(uid);
    await artifacts.put({ ...(puts[0] as Put), id: late });
    expect(await artifacts.find('Session', late)).toEqual({});
  });

  test('S9 a request that stores it after the sign-out is told', async () => {
    const { artifacts, sessions } = server.rooms;
    const { uid, puts } = await sessionWithIds(2);
    const [replaced, present] = puts as [Put, Put];
    expect(await artifacts.put(present)).toBe(true);
    // Only an end is told: another tab's change of the id is none.
    expect(await artifacts.put(replaced)).toBe(true);
    await sessions.signOut(uid, 'somebody');
    expect(await artifacts.put(present)).toBe(false);
  });

  test('S9 a family that begins while the session is signed out ends with it', async () => {
    const { artifacts, sessions } = server.rooms;
    const { uid } = await sessionWithIds(1);
    const early = newId('Grant');
    const late = newId('Grant');
    for (const id of [early, late]) {
      await artifacts.put({ kind: 'Grant', id, payload: { jti: id }, ttlSeconds: 600 });
    }
    await artifacts.addSessionFamily(uid, early, false, 'client', 600);
    const { sessionFamilies } = artifacts;
    let reads = 0;
    artifacts.sessionFamilies = async (of) => {
      const read = await sessionFamilies(of);
      reads += 1;
      if (reads === 1) await artifacts.addSessionFamily(uid, late, false, 'client', 600);
      return read;
    };
    await sessions.signOut(uid, 'somebody').finally(() => {
      artifacts.sessionFamilies = sessionFamilies;
    });
    expect(await artifacts.find('Grant', early)).toEqual({ ended: 'signed out' });
    expect(await artifacts.find('Grant', late)).toEqual({ ended: 'signed out' });
  });
});
