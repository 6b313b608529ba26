/** RFC 7523 section 2.1: another system says who a person is, and a client gets a token of that person for it. */
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ASSERTION_GRANT } from '../../src/clients/client-types.ts';
import { type SeededClient, seedApi, seedClient, seedPerson } from '../harness/seed.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { everySetup, openWorld, payloadOf, type World } from './world.ts';

const hr = 'https://hr.example.com';
const idp = 'https://idp.example.com';
const operator = { kind: 'operator' } as const;

let clock: MovedClock;
beforeAll(async () => {
  clock = await moveClock();
});
afterEach(() => clock.reset());

describe.each(everySetup)('JWT bearer grant with %s: %s', (setup) => {
  let world: World;
  let second: World;
  let service: SeededClient;
  let other: SeededClient;
  let api: string;
  let key: { privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']; jwk: JWK };
  let foreign: typeof key;

  const newKey = async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: randomUUID(), alg: 'ES256' } };
  };

  beforeAll(async () => {
    [key, foreign] = [await newKey(), await newKey()];
    world = await openWorld(setup);
    second = setup === 'embedded' ? world : await world.second();
    api = await seedApi(world.rooms);
    service = await seedClient(world.rooms, {
      name: 'Payroll',
      type: 'service',
      resources: [api],
      assertionIssuers: [
        { issuer: hr, subject: 'id', jwks: { keys: [key.jwk] } },
        { issuer: idp, subject: 'email', jwks: { keys: [key.jwk] } },
      ],
    });
    other = await seedClient(world.rooms, { name: 'Other', type: 'service', resources: [api] });
  });
  afterAll(() => world?.close());

  /** A good assertion, unless told otherwise. `exp` and `iat` in seconds from now. */
  function assertion(change: Record<string, unknown> = {}, by = key, header: Record<string, unknown> = {}) {
    const { exp = 120, iat = 0, ...rest } = change as { exp?: number; iat?: number };
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: hr, sub: world.person.id, aud: world.issuer, jti: randomUUID(), ...rest };
    return new SignJWT({ ...claims, exp: now + exp, iat: now + iat })
      .setProtectedHeader({ alg: 'ES256', kid: by.jwk.kid ?? '', ...header })
      .sign(by.privateKey);
  }
  const redeem = (one: string, more: Record<string, string> = {}, at = world, client = service) =>
    at.token({ grant_type: ASSERTION_GRANT, assertion: one, ...more }, client);

  test('a token of the person for the API, no refresh token; by id and by confirmed address', async () => {
    for (const change of [
      {},
      { aud: `${world.issuer}/oauth2/token` },
      { iss: idp, sub: world.person.email.toUpperCase() },
    ]) {
      const { status, json, text } = await redeem(await assertion(change), { scope: 'orders:read' }, second);
      expect(status, text).toBe(200);
      expect(Object.keys(json).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type']);
      expect(payloadOf(json.access_token)).toMatchObject({
        sub: world.person.id,
        client_id: service.clientId,
        aud: api,
        scope: 'orders:read',
      });
      const seen = await world.introspect(json.access_token, service);
      expect(seen.json).toMatchObject({ active: true, sub: world.person.id });
    }
  });

  test('T25 used once: 20 at once on two processes have one winner; a mistake uses nothing up', async () => {
    for (let round = 0; round < 3; round += 1) {
      const one = await assertion();
      const wrong = await redeem(one, { scope: 'made:up' });
      expect([wrong.status, wrong.json.error]).toEqual([400, 'invalid_scope']);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => redeem(one, {}, n % 2 ? second : world)),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const { status, json } of answers) {
        if (status !== 200) expect([status, json.error]).toEqual([400, 'invalid_grant']);
      }
    }
  });

  test('T25 oversize, foreign, for another server, too long-lived, expired, of another kind: invalid_grant', async () => {
    const bad: Record<string, string> = {
      oversize: `${await assertion()}${'x'.repeat(9_000)}`,
      'an untrusted issuer': await assertion({ iss: 'https://evil.example' }),
      'another key': await assertion({}, foreign),
      'another key under a known id': await assertion({}, foreign, { kid: key.jwk.kid }),
      'another audience': await assertion({ aud: 'https://other.example' }),
      'several audiences': await assertion({ aud: [world.issuer, 'https://other.example'] }),
      'no audience': await assertion({ aud: undefined }),
      'more than five minutes': await assertion({ exp: 330 }),
      expired: await assertion({ exp: -30 }),
      'from the future': await assertion({ iat: 60 }),
      'no jti': await assertion({ jti: undefined }),
      'no sub': await assertion({ sub: undefined }),
      'nobody here': await assertion({ sub: randomUUID() }),
      'an address where an id is meant': await assertion({ sub: world.person.email }),
      'an access token': await assertion({}, key, { typ: 'at+jwt' }),
      nonsense: 'a.b.c',
      'not even three parts': 'nonsense',
    };
    for (const [what, one] of Object.entries(bad)) {
      const { status, json, text } = await redeem(one);
      expect([status, json.error], `${what}: ${text}`).toEqual([400, 'invalid_grant']);
    }
    const without = await world.token({ grant_type: ASSERTION_GRANT }, service);
    expect(without.json.error).toBe('invalid_request');
    const barred = await redeem(await assertion(), {}, world, other);
    expect(barred.json.error).toBe('unauthorized_client');
    const elsewhere = await redeem(await assertion(), { resource: 'https://nobody.example' });
    expect(elsewhere.json.error).toBe('invalid_target');
  });

  test('an address that nobody has confirmed is nobody’s', async () => {
    const person = await seedPerson(world.rooms);
    await world.rooms.accounts.setEmailVerified(person.id, false, { actor: operator });
    const { json } = await redeem(await assertion({ iss: idp, sub: person.email }));
    expect(json.error).toBe('invalid_grant');
  });

  test('T25 a disabled account: refused, and its token is dead', async () => {
    const person = await seedPerson(world.rooms);
    const { json } = await redeem(await assertion({ sub: person.id }));
    await world.rooms.accounts.disable(person.id, { actor: operator });
    await expect
      .poll(async () => (await redeem(await assertion({ sub: person.id }))).json.error, { timeout: 10_000 })
      .toBe('invalid_grant');
    expect((await world.introspect(json.access_token, service)).json).toEqual({ active: false });
  });

  test('the token lives as long as it says', async () => {
    const { json } = await redeem(await assertion());
    clock.move(json.expires_in - 5);
    expect((await world.introspect(json.access_token, service)).json.active).toBe(true);
    clock.move(10);
    expect((await world.introspect(json.access_token, service)).json).toEqual({ active: false });
  });

  test('openid-client does it', async () => {
    const config = await oidc.discovery(new URL(world.issuer), service.clientId, service.secret, undefined, {
      execute: [oidc.allowInsecureRequests],
    });
    const one = await assertion();
    const tokens = await oidc.genericGrantRequest(config, ASSERTION_GRANT, { assertion: one });
    expect(payloadOf(tokens.access_token).sub).toBe(world.person.id);
  });
});
