/** Issue "seen" 6, drill F2: a TERM under load loses no request, with two processes behind one address. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askToken, clientCredentials, createCaller, isAnswer, jsonOf, keepGoing } from '../drills/load.ts';
import { openWorld, type World } from '../drills/world.ts';
import { createBrowser, redeemForm } from '../harness/codes.ts';
import { freshStores, type Setup, type Stores } from '../harness/server.ts';

const setups: readonly (readonly [Setup, string])[] = [
  ['full', 'on postgres and redis'],
  ['plain', 'on postgres'],
];

describe.each(setups)('%s: %s', (setup) => {
  let stores: Stores;
  let world: World;

  beforeAll(async () => {
    stores = await freshStores(setup);
    world = await openWorld(stores, { processes: 2 });
  });
  afterAll(async () => {
    await world?.close();
    await stores?.drop();
  });

  test('F2: TERM to one process after the other under load: every request is answered right', async () => {
    const { web, service, person } = world.seeds;
    const caller = createCaller(world.balancer.port, world.host);
    const browser = createBrowser(world.issuer, web, person);
    const refreshTokens: string[] = [];
    for (let n = 0; n < 4; n += 1) {
      const answer = await askToken(caller, web, redeemForm(await browser.code('openid offline_access')));
      refreshTokens.push(String(jsonOf(answer).refresh_token));
    }
    const counts = { answered: 0, refreshes: 0 };
    const lost: unknown[] = [];

    const load = keepGoing(8, async (loop) => {
      const refreshToken = refreshTokens[loop];
      const outcome = await askToken(
        caller,
        refreshToken ? web : service,
        refreshToken ? { grant_type: 'refresh_token', refresh_token: refreshToken } : clientCredentials,
      );
      if (!isAnswer(outcome) || outcome.status !== 200) {
        lost.push(outcome);
        return;
      }
      counts.answered += 1;
      if (!refreshToken) return;
      counts.refreshes += 1;
      refreshTokens[loop] = String(jsonOf(outcome).refresh_token);
    });
    const exits: (number | null)[] = [];
    for (let round = 0; round < 2; round += 1) {
      const [oldest] = world.processes;
      if (!oldest) throw new Error('no process');
      const before = counts.answered;
      await expect.poll(() => counts.answered, { timeout: 20_000 }).toBeGreaterThan(before + 100);
      exits.push(await oldest.stop());
      await world.spawn();
    }
    await load.stop();
    caller.close();
    expect(lost).toEqual([]);
    expect(exits).toEqual([0, 0]);
    expect(counts.refreshes).toBeGreaterThan(50);
  }, 90_000);
});
