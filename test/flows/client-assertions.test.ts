/** T12, RFC 7523 section 3: a client that signs its own name, for this server, once. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../harness/ports.ts';
import { type SeededClient, seedApi, seedClient } from '../harness/seed.ts';
import { openWorld, type World } from './world.ts';

const grant = { grant_type: 'client_credentials', scope: 'orders:read' };
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
let world: World;
let second: World;
let service: SeededClient;
let signer: SeededClient;
let key: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

beforeAll(async () => {
  world = await openWorld('full');
  second = await world.second();
  const api = await seedApi(world.rooms);
  const input = { type: 'service', resources: [api], scopes: ['orders:read'] } as const;
  service = await seedClient(world.rooms, { name: 'Billing', ...input });
  const pair = await generateKeyPair('ES256', { extractable: true });
  key = pair.privateKey;
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', use: 'sig', alg: 'ES256' } as JWK;
  const signs = { authMethod: 'private_key_jwt', jwks: { keys: [jwk] } } as const;
  signer = await seedClient(world.rooms, { name: 'Signer', ...signs, ...input });
});
afterAll(() => world?.close());

type Claims = Record<string, unknown>;
const now = () => Math.floor(Date.now() / 1000);
const claims = (change: Claims = {}): Claims => ({
  iss: signer.clientId,
  sub: signer.clientId,
  aud: world.issuer,
  jti: randomUUID(),
  iat: now(),
  exp: now() + 60,
  ...change,
});
const sign = (payload: Claims, header: Record<string, unknown> = {}) =>
  new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header }).sign(key);
const present = (assertion: string, to: World = world) =>
  to.token({ ...grant, client_assertion_type: assertionType, client_assertion: assertion });

test('T12 for the issuer, once', async () => {
  const assertion = await sign(claims());
  const first = await present(assertion);
  expect(first.status, first.text).toBe(200);
  const again = await present(assertion);
  expect([again.status, again.json.error]).toEqual([401, 'invalid_client']);
});

test('T12 the same one 20 times at once on two processes: one winner', async () => {
  for (let round = 0; round < 5; round += 1) {
    const assertion = await sign(claims());
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => present(assertion, n % 2 ? second : world)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  }
});

test('T12 wrong audience, no jti, expired, of another client, odd keys: refused', async () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = await generateKeyPair('ES256');
  const asSecret = new TextEncoder().encode(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  const forged = new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid: 'k1' });
  const bad: [string, string][] = [
    ['another server', await sign(claims({ aud: 'https://evil.example.com' }))],
    ['no audience', await sign(claims({ aud: undefined }))],
    ['no jti', await sign(claims({ jti: undefined }))],
    ['no exp', await sign(claims({ exp: undefined }))],
    ['expired', await sign(claims({ exp: now() - 60 }))],
    ['another issuer', await sign(claims({ iss: service.clientId }))],
    ['another subject', await sign(claims({ sub: service.clientId, iss: service.clientId }))],
    ['another key', await forged.sign(other.privateKey)],
    ['alg none', `${part({ alg: 'none' })}.${part(claims())}.`],
    ['HS256', await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256' }).sign(asSecret)],
    ['a kid that is a path', await sign(claims(), { kid: '../../etc/passwd' })],
    ['a kid that is SQL', await sign(claims(), { kid: "' or 1=1 --" })],
  ];
  for (const [name, assertion] of bad) {
    const { status, json } = await present(assertion);
    expect([status, json.error], name).toEqual([401, 'invalid_client']);
    expect(json.access_token, name).toBeUndefined();
  }
});

test('T12 aud is the issuer as one string, whatever the endpoint (RFC 7523bis, FAPI 2.0)', async () => {
  const refused = [
    `${world.issuer}/oauth2/token`,
    `${world.issuer}/`,
    world.issuer.toUpperCase(),
    [world.issuer],
    [world.issuer, 'https://evil.example.com'],
    [`${world.issuer}/oauth2/token`, world.issuer],
    '',
    {},
  ];
  for (const aud of refused) {
    const { status, json } = await present(await sign(claims({ aud })));
    expect([status, json.error], JSON.stringify(aud)).toEqual([401, 'invalid_client']);
  }
  const atIntrospection = await world.ask('/oauth2/introspect', {
    form: {
      token: 'x',
      client_assertion_type: assertionType,
      client_assertion: await sign(claims({ aud: `${world.issuer}/oauth2/introspect` })),
    },
  });
  expect(atIntrospection.status).toBe(401);
});

test('T12 lifetime and kind: an hour ahead, made in the future, another kind of token', async () => {
  const bad: [string, string][] = [
    ['exp in an hour', await sign(claims({ exp: now() + 3600 }))],
    ['exp as text', await sign(claims({ exp: String(now() + 60) }))],
    ['exp never', await sign(claims({ exp: Number.MAX_SAFE_INTEGER }))],
    ['iat ahead', await sign(claims({ iat: now() + 120 }))],
    ['nbf ahead', await sign(claims({ nbf: now() + 120 }))],
    ['an access token', await sign(claims(), { typ: 'at+jwt' })],
    ['a proof', await sign(claims(), { typ: 'dpop+jwt' })],
    ['a jti of 10,000 characters', await sign(claims({ jti: 'j'.repeat(10_000) }))],
    ['a jti that is a number', await sign(claims({ jti: 7 }))],
  ];
  for (const [name, assertion] of bad) {
    const { status, json } = await present(assertion);
    expect([status, json.error], name).toEqual([401, 'invalid_client']);
  }
  const typed = await present(await sign(claims(), { typ: 'client-authentication+jwt' }));
  expect(typed.status).toBe(200);
});

test('T12 a refusal is recorded with its rule, and without the assertion', async () => {
  const assertion = await sign(claims({ aud: `${world.issuer}/oauth2/token` }));
  const { json } = await present(assertion);
  const recorded = await until('the refusal', async () => {
    const found = await world.rooms.refusals.find(json.reference);
    if (!found) throw new Error('not yet');
    return found;
  });
  expect(recorded.rule).toBe('FAPI 2.0 Security Profile section 5.3.2.1');
  expect(JSON.stringify(recorded)).not.toContain(assertion.split('.')[2] ?? 'no signature');
});

test('T12 keys named in the header are not looked at', async () => {
  const other = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(other.publicKey);
  for (const header of [{ jwk }, { jku: 'http://169.254.169.254/k' }, { x5u: 'http://169.254.169.254/c' }]) {
    const assertion = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'ES256', ...header })
      .sign(other.privateKey);
    expect((await present(assertion)).status).toBe(401);
  }
});
