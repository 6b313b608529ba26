/** RFC 9449: a proof is worth one request, and a token bound to a key is worth nothing without it. */
import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redeemForm } from '../harness/codes.ts';
import { redirectUri, type SeededClient, seedApi, seedClient } from '../harness/seed.ts';
import type { Setup } from '../harness/server.ts';
import { openWorld, payloadOf, type World } from './world.ts';

interface Key {
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly jwk: JWK;
}

async function newKey(): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { privateKey, jwk: await exportJWK(publicKey) };
}

const setups: readonly (readonly [Setup, string])[] = [
  ['full', 'on postgres and redis, two servers'],
  ['plain', 'on postgres, two servers'],
  ['embedded', 'on embedded, one server'],
];

describe.each(setups)('DPoP with %s: %s', (setup) => {
  let world: World;
  let second: World;
  let key: Key;
  let thief: Key;
  let service: SeededClient;
  let spa: SeededClient;

  beforeAll(async () => {
    world = await openWorld(setup);
    second = setup === 'embedded' ? world : await world.second();
    [key, thief] = [await newKey(), await newKey()];
    const api = await seedApi(world.rooms);
    service = await seedClient(world.rooms, { name: 'S', type: 'service', resources: [api] });
    const input = { type: 'spa', redirectUris: [redirectUri], firstParty: true } as const;
    spa = await seedClient(world.rooms, { name: 'Tab', ...input });
  });
  afterAll(() => world?.close());

  /** A proof for a POST to the token endpoint, unless told otherwise. `iat` is in seconds from now. */
  function proof(change: Record<string, unknown> = {}, by = key, header: Record<string, unknown> = {}) {
    const { iat = 0, ...rest } = change as { iat?: number };
    return new SignJWT({
      jti: randomUUID(),
      htm: 'POST',
      htu: `${world.issuer}/oauth2/token`,
      iat: Math.floor(Date.now() / 1000) + iat,
      ...rest,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: by.jwk, ...header })
      .sign(by.privateKey);
  }
  const ask = (
    dpop: string,
    to = world,
    form: Record<string, string> = { grant_type: 'client_credentials' },
    client = service,
  ) => to.ask('/oauth2/token', { form, client, headers: { dpop } });

  test('a good proof binds the token to its key', async () => {
    const { status, json } = await ask(await proof());
    expect([status, json.token_type]).toEqual([200, 'DPoP']);
    expect(payloadOf(json.access_token).cnf).toEqual({ jkt: await calculateJwkThumbprint(key.jwk) });
  });

  test('T20 the same proof again, and 20 times at once on two processes: one winner', async () => {
    const once = await proof();
    expect((await ask(once)).status).toBe(200);
    const again = await ask(once, second);
    expect([again.status, again.json.error]).toEqual([400, 'invalid_dpop_proof']);
    for (let round = 0; round < 5; round += 1) {
      const shared = await proof();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => ask(shared, n % 2 ? second : world)),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const { status, json } of answers.filter(({ status }) => status !== 200)) {
        expect([status, json.error]).toEqual([400, 'invalid_dpop_proof']);
      }
    }
  });

  test('T20 for another address, method or time, unsigned, with a private key, or no proof: refused', async () => {
    const { privateKey, jwk } = await (async () => {
      const pair = await generateKeyPair('ES256', { extractable: true });
      return { privateKey: pair.privateKey, jwk: await exportJWK(pair.privateKey) };
    })();
    const bad = [
      await proof({ htu: 'https://evil.com/oauth2/token' }),
      await proof({ htu: `${world.issuer}/oauth2/userinfo` }),
      await proof({ htm: 'GET' }),
      await proof({ jti: undefined }),
      await proof({}, key, { typ: 'JWT' }),
      await proof({}, { privateKey, jwk }),
      await proof({}, { privateKey: thief.privateKey, jwk: key.jwk }),
      'nonsense',
      'a.b.c',
    ];
    for (const dpop of bad) {
      const { status, json } = await ask(dpop);
      expect([status, json.error], dpop.slice(0, 80)).toEqual([400, 'invalid_dpop_proof']);
    }
    // A clock that is wrong is told a nonce instead (section 8), which makes up for it once.
    for (const iat of [-3_600, 3_600]) {
      const { headers, json } = await ask(await proof({ iat }));
      expect(json.error).toBe('use_dpop_nonce');
      const nonce = String(headers['dpop-nonce']);
      expect((await ask(await proof({ iat, nonce }))).status).toBe(200);
    }
    expect((await ask(await proof({ iat: -3_600, nonce: 'made-up' }))).json.error).toBe('use_dpop_nonce');
  });

  async function bound(by = key) {
    const code = await world.browser(spa).code('openid offline_access');
    return (await ask(await proof({}, by), world, redeemForm(code), spa)).json;
  }

  test('T20 at userinfo: the key’s proof for this token, as DPoP; as Bearer never', async () => {
    const { access_token } = await bound();
    const ath = createHash('sha256').update(access_token).digest('base64url');
    const at = { htu: `${world.issuer}/oauth2/userinfo`, htm: 'GET' };
    const show = async (dpop: string, scheme = 'DPoP') =>
      (await world.ask('/oauth2/userinfo', { headers: { authorization: `${scheme} ${access_token}`, dpop } }))
        .status;
    expect(await show(await proof({ ...at, ath }))).toBe(200);
    expect(await show(await proof({ ...at, ath }, thief))).toBe(401);
    expect(await show(await proof(at))).toBe(401);
    expect(await show(await proof({ ...at, ath: 'x'.repeat(43) }))).toBe(401);
    expect(await show(await proof({ ...at, ath }), 'Bearer')).toBeGreaterThanOrEqual(400);
    expect((await world.userinfo(access_token)).status).toBe(401);
  });

  test('a public client’s refresh token needs its key, and another key harms nobody', async () => {
    const { refresh_token } = await bound();
    const form = { grant_type: 'refresh_token', refresh_token };
    const stolen = await ask(await proof({}, thief), world, form, spa);
    expect([stolen.status, stolen.json.error]).toEqual([400, 'invalid_grant']);
    expect((await world.token(form, spa)).status).toBe(400);
    const first = await ask(await proof(), world, form, spa);
    expect(first.status, first.text).toBe(200);
    // Inside the window: the same key with a new proof gets the same bytes; another key nothing, and no harm is done.
    const repeated = await ask(await proof(), second, form, spa);
    expect([repeated.status, repeated.text]).toEqual([200, first.text]);
    expect((await ask(await proof({}, thief), second, form, spa)).status).toBe(400);
    const next = { grant_type: 'refresh_token', refresh_token: first.json.refresh_token };
    expect((await ask(await proof(), world, next, spa)).status).toBe(200);
  });

  test('dpop_jkt binds the code: another key redeems nothing (section 10)', async () => {
    const code = await world.browser(spa).code('openid', { dpop_jkt: await calculateJwkThumbprint(key.jwk) });
    for (const other of [
      await ask(await proof({}, thief), world, redeemForm(code), spa),
      await world.redeem(code, spa),
    ]) {
      expect(other.status).toBe(400);
      expect(other.json.access_token).toBeUndefined();
    }
  });
});
