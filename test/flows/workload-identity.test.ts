/** RFC 7523: a platform's own token is the client assertion of a service that holds no secret. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeAuthority } from '../harness/certificates.ts';
import { type RemoteServer, startRemote } from '../harness/https-server.ts';
import { until } from '../harness/ports.ts';
import { type SeededClient, seedApi, seedClient } from '../harness/seed.ts';
import { openWorld, payloadOf, type World } from './world.ts';

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const grant = { grant_type: 'client_credentials', scope: 'orders:read' };
const authority = makeAuthority();
let world: World;
let second: World;
let remote: RemoteServer;
let issuer: string;
let api: string;
let kubernetes: SeededClient;
let actions: SeededClient;
let withSecret: SeededClient;
let signer: SeededClient;
let key: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
let jwk: JWK;

const pod = 'system:serviceaccount:prod:billing';
const job = 'repo:acme/app:ref:refs/heads/main';

beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  key = pair.privateKey;
  jwk = { ...(await exportJWK(pair.publicKey)), kid: 'p1', alg: 'ES256', use: 'sig' };
  remote = await startRemote(authority.server(), (req, res) => {
    const [, platform = '', ...rest] = (req.url ?? '').split('/');
    const said: Record<string, object> = {
      platform: { issuer, jwks_uri: `${issuer}/keys` },
      liar: { issuer: 'https://accounts.example.com', jwks_uri: `${issuer}/keys` },
      inward: { issuer: `${remote.origin}/inward`, jwks_uri: 'https://169.254.169.254/keys' },
    };
    const document = rest[0] === 'keys' ? { keys: [jwk] } : said[platform];
    res.writeHead(document ? 200 : 404).end(JSON.stringify(document ?? {}));
  });
  issuer = `${remote.origin}/platform`;
  world = await openWorld('full', {
    CARDEA_OUTBOUND_ALLOW: `localhost:${remote.port}`,
    CARDEA_OUTBOUND_CA_FILE: authority.caFile,
  });
  second = await world.second();
  api = await seedApi(world.rooms);
  const input = {
    name: 'S',
    type: 'service',
    resources: [api],
    scopes: ['orders:read'],
  } as const;
  const federated = (more: Parameters<typeof seedClient>[1]['federated']) =>
    seedClient(world.rooms, { ...input, authMethod: 'federated_jwt', federated: more });
  kubernetes = await federated([
    { issuer, subject: pod },
    { issuer: `${remote.origin}/liar`, subject: pod },
    { issuer: `${remote.origin}/inward`, subject: pod },
    { issuer: `${remote.origin}/absent`, subject: pod },
  ]);
  actions = await federated([{ issuer, subject: 'repo:acme/app:*', audience: 'cardea', reusable: true }]);
  withSecret = await seedClient(world.rooms, input);
  signer = await seedClient(world.rooms, { ...input, authMethod: 'private_key_jwt', jwks: { keys: [jwk] } });
});
afterAll(async () => {
  await world?.close();
  await remote?.close();
  authority.remove();
});

type Claims = Record<string, unknown>;
const now = () => Math.floor(Date.now() / 1000);
const claims = (change: Claims = {}): Claims => ({
  iss: issuer,
  sub: pod,
  aud: world.issuer,
  jti: randomUUID(),
  iat: now(),
  nbf: now(),
  exp: now() + 600,
  ...change,
});
const sign = (payload: Claims, header: object = {}, by = key) =>
  new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'p1', ...header }).sign(by);
const forJob = (change: Claims = {}) => claims({ sub: job, aud: 'cardea', ...change });
const present = (client: SeededClient, token: string, to = world, more: Record<string, string> = {}) =>
  to.token({
    ...grant,
    client_id: client.clientId,
    client_assertion_type: jwtBearer,
    client_assertion: token,
    ...more,
  });

test('the token of a service account, with oauth4webapi: no secret anywhere', async () => {
  const found = new URL(world.issuer);
  const insecure = { [oauth.allowInsecureRequests]: true };
  const as = await oauth.processDiscoveryResponse(found, await oauth.discoveryRequest(found, insecure));
  const token = await sign(claims());
  const platformToken: oauth.ClientAuth = (_as, client, body) => {
    body.set('client_id', client.client_id);
    body.set('client_assertion_type', jwtBearer);
    body.set('client_assertion', token);
  };
  const client = { client_id: kubernetes.clientId };
  const parameters = new URLSearchParams({ scope: 'orders:read' });
  const answer = await oauth.clientCredentialsGrantRequest(as, client, platformToken, parameters, insecure);
  const tokens = await oauth.processClientCredentialsResponse(as, client, answer);
  expect(payloadOf(tokens.access_token)).toMatchObject({
    client_id: kubernetes.clientId,
    sub: kubernetes.clientId,
  });
});

test('a subject with a * at its end, an audience of its own, and the SPIFFE type of assertion', async () => {
  for (const sub of [job, 'repo:acme/app:environment:prod']) {
    expect((await present(actions, await sign(forJob({ sub })))).status).toBe(200);
  }
  const spiffe = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe' };
  expect((await present(actions, await sign(forJob()), world, spiffe)).status).toBe(200);
});

test('a JWT-SVID without iss, only where the binding names trust domain and key set', async () => {
  const svid = (more: object) =>
    sign(claims({ iss: undefined, sub: 'spiffe://example.org/prod/orders', ...more }));
  const bound = (subject: string, jwksUri?: string) =>
    seedClient(world.rooms, {
      name: 'Orders',
      type: 'service',
      resources: [api],
      scopes: ['orders:read'],
      authMethod: 'federated_jwt',
      federated: [{ issuer, subject, ...(jwksUri && { jwksUri }) }],
    });
  const keySet = `${issuer}/keys`;
  const named = await bound('spiffe://example.org/prod/*', keySet);
  expect((await present(named, await svid({}))).status).toBe(200);
  for (const more of [
    { sub: 'spiffe://evil.example/prod/orders' },
    { iss: `${remote.origin}/stranger` },
    { iss: '' },
  ]) {
    expect((await present(named, await svid(more))).status, JSON.stringify(more)).toBe(401);
  }
  for (const client of [await bound('spiffe://example.org/prod/*'), await bound('spiffe://*', keySet)]) {
    expect((await present(client, await svid({}))).status).toBe(401);
  }
});

test('once where it has a jti: 20 at once on two processes, one winner; as often as it is shown where it is reusable', async () => {
  for (let round = 0; round < 3; round += 1) {
    const token = await sign(claims());
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => present(kubernetes, token, n % 2 ? second : world)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  }
  const reused = await sign(forJob());
  const without = await sign(claims({ jti: undefined }));
  for (let n = 0; n < 2; n += 1) {
    expect((await present(actions, reused)).status).toBe(200);
    expect((await present(kubernetes, without)).status).toBe(200);
  }
});

test('it authenticates at introspection as well', async () => {
  const { json } = await present(kubernetes, await sign(claims()));
  const answer = await world.ask('/oauth2/introspect', {
    form: {
      token: json.access_token,
      client_id: kubernetes.clientId,
      client_assertion_type: jwtBearer,
      client_assertion: await sign(claims()),
    },
  });
  expect([answer.status, answer.json.active]).toEqual([200, true]);
});

test('whatever is not as it must be: invalid_client, with a recorded rule and without the token', async () => {
  const other = (await generateKeyPair('ES256')).privateKey;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    type: 'spki',
    format: 'pem',
  });
  const asSecret = new TextEncoder().encode(pem.toString());
  const hs256 = new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'p1' });
  const bad: [string, string][] = [
    ['another audience', await sign(claims({ aud: 'https://other.example' }))],
    ['several audiences', await sign(claims({ aud: [world.issuer, 'https://other.example'] }))],
    ['no audience', await sign(claims({ aud: undefined }))],
    ['the token endpoint as audience', await sign(claims({ aud: `${world.issuer}/oauth2/token` }))],
    ['no exp', await sign(claims({ exp: undefined }))],
    ['expired', await sign(claims({ exp: now() - 60 }))],
    ['not yet', await sign(claims({ nbf: now() + 600 }))],
    ['made in the future', await sign(claims({ iat: now() + 300 }))],
    ['for two days', await sign(claims({ exp: now() + 172_800 }))],
    ['for two days, backdated', await sign(claims({ iat: now() - 172_000, exp: now() + 600 }))],
    ['another subject', await sign(claims({ sub: 'system:serviceaccount:prod:other' }))],
    ['a longer subject', await sign(claims({ sub: `${pod}-evil` }))],
    ['no subject', await sign(claims({ sub: undefined }))],
    ['an access token', await sign(claims(), { typ: 'at+jwt' })],
    ['another key', await sign(claims(), {}, other)],
    ['another kid', await sign(claims(), { kid: '../../p1' })],
    ['its own key', await sign(claims(), { jwk, jku: `${issuer}/keys` }, other)],
    ['alg none', `${part({ alg: 'none' })}.${part(claims())}.`],
    ['HS256 with a public key', await hs256.sign(asSecret)],
    ['a jti that is no text', await sign(claims({ jti: 7 }))],
    ['an unbound issuer', await sign(claims({ iss: `${remote.origin}/stranger` }))],
    ['an issuer that is called otherwise', await sign(claims({ iss: `${remote.origin}/liar` }))],
    ['an issuer with keys inside', await sign(claims({ iss: `${remote.origin}/inward` }))],
    ['an issuer without metadata', await sign(claims({ iss: `${remote.origin}/absent` }))],
    ['huge', await sign(claims({ more: 'x'.repeat(20_000) }))],
  ];
  for (const [name, token] of bad) {
    const { status, json } = await present(kubernetes, token);
    expect([status, json.error], name).toEqual([401, 'invalid_client']);
    const recorded = await until('the refusal', async () => {
      const found = await world.rooms.refusals.find(json.reference);
      if (!found) throw new Error('not yet');
      return found;
    });
    expect(recorded.received, name).toContain('federated token');
    expect(recorded.rule, name).toBe('RFC 7523 section 3');
    expect(JSON.stringify(recorded), name).not.toContain(token.slice(-40));
  }
  for (const sub of ['repo:acme/app-evil:x', 'repo:acme/app:', 'repo:acme/app', 'x repo:acme/app:y']) {
    expect((await present(actions, await sign(forJob({ sub })))).status, sub).toBe(401);
  }
  // Nobody whom the client is not bound to was asked for anything.
  expect(remote.asked.filter((path) => path.includes('stranger'))).toEqual([]);
});

test('it opens no door for other clients, and no other door opens for its own', async () => {
  for (const client of [withSecret, signer, actions]) {
    const { status, json } = await present(client, await sign(claims()));
    expect([status, json.error]).toEqual([401, 'invalid_client']);
  }
  const posted = (secret: string) =>
    world.token({ ...grant, client_id: kubernetes.clientId, client_secret: secret });
  for (const secret of ['compared elsewhere', 'undefined', withSecret.secret, randomUUID()]) {
    expect((await posted(secret)).status).toBe(401);
    expect((await world.token(grant, { clientId: kubernetes.clientId, secret })).status).toBe(401);
  }
  expect((await world.token({ ...grant, client_id: kubernetes.clientId })).status).toBe(401);
  // As itself, signed with the platform's key.
  const own = claims({ iss: kubernetes.clientId, sub: kubernetes.clientId });
  expect((await present(kubernetes, await sign(own))).status).toBe(401);
  const both = await present(kubernetes, await sign(claims()), world, { client_secret: withSecret.secret });
  expect([both.status, both.json.error]).toEqual([400, 'invalid_request']);
  const twice = await world.ask('/oauth2/token', {
    form: {
      ...grant,
      client_id: kubernetes.clientId,
      client_assertion_type: jwtBearer,
      client_assertion: await sign(claims()),
    },
    headers: {
      authorization: `Basic ${Buffer.from(`${withSecret.clientId}:${withSecret.secret}`).toString('base64')}`,
    },
  });
  expect(twice.status).toBe(400);
  // Without the client's id nobody is meant.
  const nobody = await world.token({
    ...grant,
    client_assertion_type: jwtBearer,
    client_assertion: await sign(claims()),
  });
  expect(nobody.status).toBe(401);
});
