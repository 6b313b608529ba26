/** RFC 6749 section 2.3, RFC 7523: who a client is, and that nobody else is. */
import { createHash, randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SeededClient, seedApi, seedClient } from '../harness/seed.ts';
import { openWorld, type World } from './world.ts';

const grant = { grant_type: 'client_credentials', scope: 'orders:read' };
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
let world: World;
let second: World;
let api: string;
let service: SeededClient;
let stranger: SeededClient;
let poster: SeededClient;
let spa: SeededClient;
let signer: SeededClient;
let key: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

beforeAll(async () => {
  world = await openWorld('full');
  second = await world.second();
  api = await seedApi(world.rooms);
  const input = { type: 'service', resources: [api], scopes: ['orders:read'] } as const;
  service = await seedClient(world.rooms, { name: 'Billing', ...input });
  stranger = await seedClient(world.rooms, { name: 'Other', ...input });
  poster = await seedClient(world.rooms, { name: 'Poster', authMethod: 'client_secret_post', ...input });
  spa = await seedClient(world.rooms, { name: 'Tab', type: 'spa', redirectUris: ['https://a.example/cb'] });
  const pair = await generateKeyPair('ES256', { extractable: true });
  key = pair.privateKey;
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', use: 'sig', alg: 'ES256' } as JWK;
  signer = await seedClient(world.rooms, {
    name: 'Signer',
    authMethod: 'private_key_jwt',
    jwks: { keys: [jwk] },
    ...input,
  });
});
afterAll(() => world?.close());

const withHeaders = (headers: Record<string, string>, form: Record<string, string> = grant) =>
  world.ask('/oauth2/token', { form, headers });
const encode = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});

describe('T10 nobody gets in as somebody else', () => {
  test('the right secret, by the registered method', async () => {
    expect((await world.token(grant, service)).status).toBe(200);
    const { clientId, secret } = poster;
    expect((await world.token({ ...grant, client_id: clientId, client_secret: secret })).status).toBe(200);
  });

  test('no secret, an empty, a wrong, a cut or another client’s: invalid_client', async () => {
    const { clientId, secret } = service;
    const inBody = { ...grant, client_id: clientId };
    const tries: [string, () => ReturnType<World['ask']>][] = [
      ['no secret', () => world.token(inBody)],
      ['an empty one in the body', () => world.token({ ...inBody, client_secret: '' })],
      ['a wrong one', () => withHeaders(encode(clientId, 'wrong'))],
      ['a cut one', () => withHeaders(encode(clientId, secret.slice(0, -1)))],
      ['a longer one', () => withHeaders(encode(clientId, `${secret}x`))],
      ['the digest', () => withHeaders(encode(clientId, createHash('sha256').update(secret).digest('hex')))],
      ['what the engine holds in its place', () => withHeaders(encode(clientId, 'compared elsewhere'))],
      ['another client’s', () => withHeaders(encode(clientId, stranger.secret))],
      ['an unknown client', () => withHeaders(encode('nobody', secret))],
      ['an array', () => world.ask('/oauth2/token', { form: { ...inBody, 'client_secret[]': secret } })],
    ];
    for (const [name, ask] of tries) {
      const { status, json, headers } = await ask();
      expect([status, json.error], name).toEqual([401, 'invalid_client']);
      expect(headers['www-authenticate'], name).toBeDefined();
      expect(json.reference, name).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
      expect(JSON.stringify(json), name).not.toContain(secret);
    }
  });

  test('an empty secret by HTTP Basic is refused, whatever it is called', async () => {
    const { status, json } = await withHeaders(encode(service.clientId, ''));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(json.access_token).toBeUndefined();
  });

  test('unknown client and wrong secret look alike', async () => {
    const strip = ({ status, json }: { status: number; json: object }) => [
      status,
      { ...json, reference: '' },
    ];
    const wrong = await withHeaders(encode(service.clientId, 'wrong'));
    const unknown = await withHeaders(encode('nobody', 'wrong'));
    expect(strip(unknown)).toEqual(strip(wrong));
  });

  test('two methods at once: invalid_request (RFC 6749 section 2.3)', async () => {
    const { clientId, secret } = service;
    const both = { ...grant, client_id: clientId, client_secret: secret };
    const { status, json } = await withHeaders(encode(clientId, secret), both);
    expect([status, json.error]).toEqual([400, 'invalid_request']);
    const mixed = await withHeaders(encode(clientId, secret), { ...grant, client_id: stranger.clientId });
    expect(mixed.status).toBe(400);
  });

  test('a public client that sends a secret, or asks for its own token: refused', async () => {
    const withSecret = await withHeaders(encode(spa.clientId, 'any'));
    expect([withSecret.status, withSecret.json.error]).toEqual([401, 'invalid_client']);
    const asPublic = await world.token({ ...grant, client_id: spa.clientId });
    expect([asPublic.status, asPublic.json.error]).toEqual([400, 'unauthorized_client']);
  });
});

test('T11 a client that signs gets in by no secret, one with a secret by no signature, neither by none', async () => {
  for (const secret of ['compared elsewhere', 'undefined', service.secret]) {
    const basic = await withHeaders(encode(signer.clientId, secret));
    expect([basic.status, basic.json.error]).toEqual([401, 'invalid_client']);
    const posted = await world.token({ ...grant, client_id: signer.clientId, client_secret: secret });
    expect([posted.status, posted.json.error]).toEqual([401, 'invalid_client']);
  }
  const { clientId } = service;
  const assertion = await new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(world.issuer)
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(key);
  const signed = await world.token({
    ...grant,
    client_assertion_type: assertionType,
    client_assertion: assertion,
  });
  expect([signed.status, signed.json.error]).toEqual([401, 'invalid_client']);
  const open = await world.token({ ...grant, client_id: signer.clientId });
  expect([open.status, open.json.error]).toEqual([401, 'invalid_client']);
});

test('T13 secrets are compared as digests: hashed at rest, and wrong ones cost the same', async () => {
  const rows = await world.rooms.database.db.selectFrom('client_secrets').selectAll().execute();
  expect(JSON.stringify(rows)).not.toContain(service.secret);
  const first = `${service.secret[0] === 'A' ? 'B' : 'A'}${service.secret.slice(1)}`;
  const last = `${service.secret.slice(0, -1)}${service.secret.at(-1) === 'A' ? 'B' : 'A'}`;
  const client = await world.rooms.directory.find(service.clientId);
  const median = (all: number[] = []) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
  // The least of three rounds: a difference that is there is there in each, a busy machine is not.
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round += 1) {
    const times: Record<string, number[]> = { first: [], last: [] };
    for (let n = 0; n < 2_000; n += 1) {
      for (const [name, secret] of Object.entries({ first, last })) {
        const began = performance.now();
        expect(world.rooms.directory.verifySecret(client, secret)).toBe(false);
        times[name]?.push(performance.now() - began);
      }
    }
    const [a, b] = [median(times.first), median(times.last)];
    least = Math.min(least, Math.abs(a - b) / Math.max(a, b));
  }
  expect(least).toBeLessThan(0.25);
});

test('rotation: both secrets work while they overlap; without overlap the old one stops', async () => {
  const made = await seedClient(world.rooms, { name: 'R', type: 'service', resources: [api] });
  const rotate = async (overlapSeconds: number) => {
    const rotated = await world.rooms.clients.rotateSecret(
      made.clientId,
      { overlapSeconds },
      { kind: 'operator' },
    );
    if (rotated.kind !== 'rotated') throw new Error(rotated.kind);
    await second.rooms.lease.renew();
    return { clientId: made.clientId, secret: rotated.secret };
  };
  const next = await rotate(3600);
  for (const client of [made, next]) expect((await second.token(grant, client)).status).toBe(200);
  const last = await rotate(0);
  expect((await second.token(grant, last)).status).toBe(200);
  for (const client of [made, next]) expect((await second.token(grant, client)).status).toBe(401);
});
