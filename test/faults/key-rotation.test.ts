/**
 * Issue "seen" 7, drill F18: keys rotate under load on two servers; clients that cache the JWKS for the lifetime it is
 * given with verify every token. `--now` is the emergency: what a caching client sees then is written down here.
 */
import { createRemoteJWKSet, decodeProtectedHeader, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askToken, clientCredentials, createCaller, isAnswer, jsonOf, keepGoing } from '../drills/load.ts';
import { openWorld, type World } from '../drills/world.ts';
import { createBrowser, redeemForm } from '../harness/codes.ts';
import { runCommand } from '../harness/processes.ts';
import { freshStores, type Stores } from '../harness/server.ts';

/** Seconds; the shortest that leave time for several rotations. Five more are waited for stragglers (key-times.ts). */
const CACHE = 2;
let stores: Stores;
let world: World;

beforeAll(async () => {
  stores = await freshStores('full');
  world = await openWorld(stores, {
    processes: 2,
    environment: {
      CARDEA_LIFETIME_JWKS_CACHE: `${CACHE}s`,
      CARDEA_LIFETIME_SIGNING_KEY_PUBLISH: `${CACHE}s`,
    },
  });
}, 60_000);
afterAll(async () => {
  await world?.close();
  await stores?.drop();
});

/** As clients have it: refetched when older than max-age, and never because a kid is unknown. */
function cachingClient(): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(`${world.issuer}/oauth2/jwks`), {
    cacheMaxAge: CACHE * 1000,
    cooldownDuration: 3_600_000,
  });
}

const rotate = async (...more: string[]) => {
  const ended = await runCommand({
    args: ['keys', 'rotate', ...more],
    env: { ...stores.environment, CARDEA_ISSUER: world.issuer },
  });
  expect(ended).toMatchObject({ code: 0 });
};

test('F18: two rotations under load on postgres and redis, two servers: every token verifies', async () => {
  const { web, service, person } = world.seeds;
  const caller = createCaller(world.balancer.port, world.host);
  const jwks = await caller.ask('/oauth2/jwks');
  expect(isAnswer(jwks) && jwks.headers['cache-control']).toBe(`public, max-age=${CACHE}`);

  const browser = createBrowser(world.issuer, web, person);
  const kids = { at: new Set<string>(), id: new Set<string>() };
  const failures: string[] = [];
  let verified = 0;
  const clients = [cachingClient(), cachingClient(), cachingClient()];
  const verify = async (kind: 'at' | 'id', token: unknown, client: number) => {
    if (typeof token !== 'string') {
      failures.push(`no ${kind} token`);
      return;
    }
    const text = token;
    kids[kind].add(decodeProtectedHeader(text).kid ?? '');
    try {
      await jwtVerify(text, clients[client % clients.length] as JWTVerifyGetKey, { issuer: world.issuer });
      verified += 1;
    } catch (error) {
      failures.push(`${kind} ${decodeProtectedHeader(text).kid}: ${String(error)}`);
    }
  };
  const load = keepGoing(4, async (loop) => {
    if (loop === 0) {
      const answer = jsonOf(
        await askToken(caller, web, redeemForm(await browser.code('openid orders:read'))),
      );
      if (answer.error) failures.push(JSON.stringify(answer));
      await verify('id', answer.id_token, loop);
      await verify('at', answer.access_token, loop);
      return;
    }
    const answer = jsonOf(await askToken(caller, service, clientCredentials));
    await verify('at', answer.access_token, loop);
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
  for (let rotation = 2; rotation <= 3; rotation += 1) {
    await rotate();
    await expect
      .poll(() => [kids.at.size, kids.id.size], { timeout: 30_000, interval: 100 })
      .toEqual([rotation, rotation]);
  }
  // Both servers sign with the newest key by now.
  await load.stop();
  caller.close();
  console.log(
    `two rotations: ${verified} tokens verified, ${failures.length} failures, kids ${kids.at.size} + ${kids.id.size}`,
  );
  expect(failures).toEqual([]);
  expect(verified).toBeGreaterThan(200);
}, 90_000);

test('F18: rotate --now: only a client with a cached JWKS that never asks again may fail, and only until it does', async () => {
  const { service } = world.seeds;
  const caller = createCaller(world.balancer.port, world.host);
  const token = async () => String(jsonOf(await askToken(caller, service, clientCredentials)).access_token);
  const before = await token();
  const stubborn = cachingClient();
  await jwtVerify(before, stubborn);
  // Refetches for an unknown kid, as common libraries do.
  const asking = createRemoteJWKSet(new URL(`${world.issuer}/oauth2/jwks`), { cooldownDuration: 0 });
  await jwtVerify(before, asking);

  await rotate('--now');
  const oldKid = decodeProtectedHeader(before).kid;
  let failed = 0;
  let seen = 0;
  // Until both servers have heard of it (the lease of a second), and the cache of the stubborn one has run out.
  await expect
    .poll(
      async () => {
        const fresh = await token();
        if (decodeProtectedHeader(fresh).kid === oldKid) return 'old key';
        seen += 1;
        await jwtVerify(fresh, asking);
        return jwtVerify(fresh, stubborn).then(
          () => 'verified',
          (error: Error & { code?: string }) => {
            failed += 1;
            return error.code;
          },
        );
      },
      { timeout: 20_000, interval: 50 },
    )
    .toBe('verified');
  // What the old key signed goes on verifying.
  await jwtVerify(before, asking);
  await jwtVerify(before, stubborn);
  console.log(
    `rotate --now: ${failed} of ${seen} tokens refused by the client that only refetches after ${CACHE} s`,
  );
  caller.close();
}, 60_000);
