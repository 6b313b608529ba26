/** Issue "seen" 1: refresh as a property, on two processes with Postgres and Redis; see refresh-plans.ts. */
import { request } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWorld, type World } from '../flows/world.ts';
import type { Browser } from '../harness/codes.ts';
import { type SeededClient, seedWebClient } from '../harness/seed.ts';
import { basic } from '../harness/two.ts';
import { type Installation, plans, runPlan } from './refresh-plans.ts';

/** `npm run drills` runs thousands (test/drills/refresh-drill.ts). */
const RUNS = 30;
/** The same plans in every run of the suite: what it finds, it finds again. */
const SEED = 3;

let world: World;
let other: World;
let client: SeededClient;
let browser: Browser;
let installation: Installation;

beforeAll(async () => {
  world = await openWorld('full');
  other = await world.second();
  client = await seedWebClient(world.rooms, { firstParty: true });
  browser = world.browser(client);
  const at = (place: number) => (place === 0 ? world : other);
  installation = {
    begin: async () =>
      (await world.redeem(await browser.code('openid offline_access'), client)).json.refresh_token,
    refresh: (place, token) => at(place).refresh(token, client),
    cut: (place, token, afterMs) => cut(at(place), token, afterMs),
    isActive: async (token) => (await other.introspect(token, client)).json.active,
  };
});
afterAll(() => world?.close());

/** Sends the refresh and cuts the connection, whether the answer was on its way or not. */
function cut({ server }: World, token: string, afterMs: number): Promise<void> {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token }).toString();
  return new Promise((resolve) => {
    const outgoing = request({
      port: server.settings.port,
      host: '127.0.0.1',
      path: '/oauth2/token',
      method: 'POST',
      agent: false,
      headers: {
        host: new URL(server.issuer).host,
        'content-type': 'application/x-www-form-urlencoded',
        ...basic(client),
      },
    });
    outgoing.on('error', () => undefined);
    outgoing.on('response', (incoming) => incoming.resume());
    outgoing.on('close', () => resolve());
    outgoing.end(body, () => setTimeout(() => outgoing.destroy(), afterMs));
  });
}

test('any interleaving of refreshes, lost answers and cuts: one living successor, or none after theft', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(plans({ kills: false }), async (plan) => {
      runs += 1;
      await runPlan(installation, plan);
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
  expect(runs).toBe(RUNS);
}, 120_000); // Some 700 requests on a machine that does other things too.

test('the property sees what is broken: a store with two successors, one without theft detection', async () => {
  let number = 0;
  const living = new Set<string>();
  const broken: Installation = {
    begin: async () => give(),
    // Every refresh succeeds, with a new successor each time.
    refresh: async () => ({ status: 200, text: JSON.stringify({ refresh_token: give() }) }),
    cut: async () => undefined,
    isActive: async (token) => living.has(token),
  };
  function give(): string {
    number += 1;
    living.add(`t${number}`);
    return `t${number}`;
  }
  const checked = await fc.check(
    fc.asyncProperty(plans({ kills: false }), (plan) => runPlan(broken, plan)),
    { numRuns: RUNS, seed: SEED },
  );
  expect(checked.failed).toBe(true);
});
