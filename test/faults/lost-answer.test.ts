/**
 * Issue "seen" 4, drill F3: the answer is stored and never arrives, because the process is killed (kill -9) or the
 * wire is cut. Nobody is stranded: the same refresh token gets the same answer elsewhere, a browser its next code.
 */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askToken, createCaller, isAnswer, jsonOf } from '../drills/load.ts';
import { openWire } from '../drills/proxy.ts';
import { openWorld, type World } from '../drills/world.ts';
import { type Browser, createBrowser, redeemForm } from '../harness/codes.ts';
import { freshStores, type Setup, type Stores } from '../harness/server.ts';
import { askPort, basic, type Spawned } from '../harness/two.ts';

const setups: readonly (readonly [Setup, string, number])[] = [
  ['full', 'on postgres and redis, two servers', 2],
  ['plain', 'on postgres, two servers', 2],
  ['embedded', 'on embedded, one server that starts again', 1],
];
const ROUNDS = 3;
const mortal = ['--import', new URL('../drills/die-on-request.ts', import.meta.url).href];

describe.each(setups)('%s: %s', (setup, _name, count) => {
  let stores: Stores;
  let world: World;
  let browser: Browser;
  let caller: ReturnType<typeof createCaller>;

  beforeAll(async () => {
    stores = await freshStores(setup);
    world = await openWorld(stores, { processes: 0 });
    for (let n = 0; n < count; n += 1) await world.spawn(mortal);
    caller = createCaller(world.balancer.port, world.host, { connections: 1 });
    browser = createBrowser(world.issuer, world.seeds.web, world.seeds.person);
  }, 60_000);
  afterAll(async () => {
    caller?.close();
    await world?.close();
    await stores?.drop();
  });

  const redeem = async () => {
    const answer = await askToken(
      caller,
      world.seeds.web,
      redeemForm(await browser.code('openid offline_access')),
    );
    return String(jsonOf(answer).refresh_token);
  };
  const refreshForm = (refreshToken: string) => ({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
  });
  const oneProcess = (): Spawned => {
    const [one] = world.processes;
    if (!one) throw new Error('no process');
    return one;
  };
  const dies = async (one: Spawned, when: string, form: Record<string, string>) => {
    const gone = once(one.child, 'exit');
    await expect(
      one.ask('/oauth2/token', { form, headers: { ...basic(world.seeds.web), 'x-drill': when } }),
    ).rejects.toThrow();
    await gone;
    // A kept connection may lead to the process that died.
    caller.close();
    caller = createCaller(world.balancer.port, world.host, { connections: 1 });
    if (count === 1) await world.spawn(mortal);
  };
  const another = async () => {
    if (world.processes.length < count) await world.spawn(mortal);
  };

  test('T6 F3: kill -9 between store and answer of a refresh: the retry gets an answer that works', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const first = await redeem();
      await dies(oneProcess(), 'die-before-answer', refreshForm(first));
      const retries = [
        await askToken(caller, world.seeds.web, refreshForm(first)),
        await askToken(caller, world.seeds.web, refreshForm(first)),
      ];
      expect(retries[0]).toMatchObject({ status: 200 });
      // The stored answer: both retries get it to the byte, so it was made once, before the kill.
      const texts = retries.map((retry) => isAnswer(retry) && retry.text);
      expect(texts[1]).toBe(texts[0]);
      const successor = String(jsonOf(retries[0] ?? { broken: '' }).refresh_token);
      expect(successor).not.toBe(first);
      expect(await askToken(caller, world.seeds.web, refreshForm(successor))).toMatchObject({ status: 200 });
      await another();
    }
  }, 90_000);

  test('T6: kill -9 before anything was stored: the retry is the first use', async () => {
    const first = await redeem();
    await dies(oneProcess(), 'die-on-arrival', refreshForm(first));
    await another();
    const retry = await askToken(caller, world.seeds.web, refreshForm(first));
    expect(retry).toMatchObject({ status: 200 });
    const successor = String(jsonOf(retry).refresh_token);
    expect(await askToken(caller, world.seeds.web, refreshForm(successor))).toMatchObject({ status: 200 });
  }, 60_000);

  test('F3: kill -9 between store and answer of a code: it is used up, the browser gets the next one silently', async () => {
    const code = await browser.code('openid offline_access');
    await dies(oneProcess(), 'die-before-answer', redeemForm(code));
    await another();
    expect(jsonOf(await askToken(caller, world.seeds.web, redeemForm(code)))).toMatchObject({
      error: 'invalid_grant',
    });
    const page = await browser.agent.follow(
      await browser.agent.get(
        `${world.issuer}/oauth2/authorize?${new URLSearchParams({
          client_id: world.seeds.web.clientId,
          response_type: 'code',
          redirect_uri: 'https://app.example.com/callback',
          scope: 'openid offline_access',
          code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
          code_challenge_method: 'S256',
        })}`,
      ),
    );
    expect(page.location).toMatch(/[?&]code=/);
    expect(await redeem()).not.toBe('undefined');
  }, 60_000);

  test('T6 F3: the wire is cut before the first byte and after some: the retry gets the stored answer', async () => {
    for (const cutAfterBytes of [0, 40]) {
      const first = await redeem();
      const wire = await openWire({ targets: () => [oneProcess().port] });
      wire.fault({ cutAfterBytes });
      await expect(
        askPort(wire.port, world.host, '/oauth2/token', {
          form: refreshForm(first),
          headers: basic(world.seeds.web),
        }),
      ).rejects.toThrow();
      await wire.close();
      const retry = await askToken(caller, world.seeds.web, refreshForm(first));
      expect(retry).toMatchObject({ status: 200 });
      const successor = String(jsonOf(retry).refresh_token);
      expect(await askToken(caller, world.seeds.web, refreshForm(successor))).toMatchObject({ status: 200 });
    }
  }, 60_000);
});
