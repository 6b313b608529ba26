/** R17, RFC 9101: a request object is signed by its client, for us, now; nothing is fetched that a request points to. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAgent } from '../harness/agent.ts';
import { authorize, redirectUri, type SeededClient, seedApi, seedWebClient } from '../harness/seed.ts';
import { authorizeQuery, openWorld, type Reply, type World } from './world.ts';

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
type Claims = Record<string, unknown>;

let world: World;
let second: World;
let client: SeededClient;
let other: SeededClient;
let key: Key;
let otherKey: Key;
let publicJwk: JWK;

async function keyPair() {
  const pair = await generateKeyPair('ES256', { extractable: true });
  return {
    key: pair.privateKey,
    jwk: { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' } as JWK,
  };
}

beforeAll(async () => {
  world = await openWorld('full');
  second = await world.second();
  await seedApi(world.rooms);
  const [own, theirs] = [await keyPair(), await keyPair()];
  [key, otherKey, publicJwk] = [own.key, theirs.key, own.jwk];
  client = await seedWebClient(world.rooms, { firstParty: true, jwks: { keys: [own.jwk] } });
  other = await seedWebClient(world.rooms, { firstParty: true, jwks: { keys: [theirs.jwk] } });
});
afterAll(() => world?.close());

const now = () => Math.floor(Date.now() / 1000);
/** The claims of a good one; `undefined` leaves a claim out. */
function claims(change: Claims = {}): Claims {
  const query = new URLSearchParams(authorizeQuery(client, { scope: 'openid offline_access' }).split('?')[1]);
  const times = { nbf: now(), iat: now(), exp: now() + 60, jti: randomUUID() };
  return { ...Object.fromEntries(query), iss: client.clientId, aud: world.issuer, ...times, ...change };
}
const sign = (payload: Claims, by: Key = key, header: Claims = {}) =>
  new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'oauth-authz-req+jwt', ...header })
    .sign(by);
const ask = (object: string, to: World = world, more: Record<string, string> = {}, by = client) =>
  to.ask(
    `/oauth2/authorize?${new URLSearchParams({ client_id: by.clientId, request: object, redirect_uri: redirectUri, ...more })}`,
  );
const push = (object: string, by = client) =>
  world.ask('/oauth2/par', { form: { request: object }, client: by });
const said = ({ status, headers, text }: Reply) =>
  status === 303 && String(headers.location).startsWith(redirectUri)
    ? new URL(String(headers.location)).searchParams.get('error')
    : /\b(?:invalid|request)_[a-z_]+/.exec(text)?.[0];

test('a good one goes on to sign-in; what stands beside it counts for nothing', async () => {
  const answer = await ask(await sign(claims()), world, {
    scope: 'openid email orders:read',
    prompt: 'none',
  });
  expect([answer.status, String(answer.headers.location)]).toEqual([
    303,
    expect.stringMatching(/^\/interaction\//),
  ]);
});

describe('R17 refused at the authorization endpoint and at PAR', () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const asSecret = () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return new TextEncoder().encode(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  };
  const cases: [string, () => Promise<string> | string][] = [
    ['alg none', () => new UnsecuredJWT(claims()).encode()],
    ['alg none with another spelling', () => `${part({ alg: 'nOnE' })}.${part(claims())}.`],
    [
      'HS256 with the public key',
      () => new SignJWT(claims()).setProtectedHeader({ alg: 'HS256' }).sign(asSecret()),
    ],
    [
      'HS256 with the public JWK',
      () =>
        new SignJWT(claims())
          .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
          .sign(new TextEncoder().encode(JSON.stringify(publicJwk))),
    ],
    ['another client’s key', () => sign(claims(), otherKey)],
    ['a key in its own header', async () => sign(claims(), otherKey, { jwk: publicJwk })],
    ['expired', () => sign(claims({ exp: now() - 60 }))],
    ['without an end', () => sign(claims({ exp: undefined }))],
    ['valid for a year', () => sign(claims({ exp: now() + 365 * 86_400 }))],
    ['made in the future', () => sign(claims({ iat: now() + 70 }))],
    ['not valid yet', () => sign(claims({ nbf: now() + 120 }))],
    ['for another server', () => sign(claims({ aud: 'https://evil.example.com' }))],
    ['for nobody', () => sign(claims({ aud: undefined }))],
    ['of another issuer', () => sign(claims({ iss: other.clientId }))],
    ['for another client', () => sign(claims({ client_id: other.clientId }))],
    ['a client assertion', () => sign(claims({ sub: client.clientId }))],
    ['another kind of JWT', () => sign(claims(), key, { typ: 'at+jwt' })],
    ['one in another', async () => sign(claims({ request: await sign(claims()) }))],
    ['one that points elsewhere', () => sign(claims({ request_uri: 'http://169.254.169.254/' }))],
    ['nonsense', () => 'a.b.c'],
  ];

  test.each(cases)('%s', async (_name, object) => {
    const answer = await ask(await object());
    expect(String(answer.headers.location ?? '')).not.toMatch(/[?&]code=|interaction/);
    expect(said(answer)).toBe('invalid_request_object');
    const pushed = await push(await object());
    expect(pushed.status).toBe(400);
    expect(pushed.json.error).toBe('invalid_request_object');
    expect(pushed.json.reference).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  });

  test('a redirect URI in it is judged as any other', async () => {
    const answer = await ask(await sign(claims({ redirect_uri: 'https://evil.com/' })), world);
    expect([answer.status, answer.headers.location]).toEqual([400, undefined]);
  });

  test('a client that must sign is refused without', async () => {
    const jwks = { keys: [publicJwk] };
    const strict = await seedWebClient(world.rooms, { requireSignedRequests: true, jwks });
    const { headers } = await world.ask(authorizeQuery(strict));
    expect(new URL(String(headers.location)).searchParams.get('error')).toBe('invalid_request');
  });
});

test('R17 the same one 20 times at once on two processes: one goes on, at either address', async () => {
  for (let round = 0; round < 3; round += 1) {
    const object = await sign(claims());
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => ask(object, n % 2 ? second : world)),
    );
    const on = answers.filter(({ headers }) => String(headers.location).includes('/interaction/'));
    expect(on).toHaveLength(1);
    expect((await push(object)).json.error).toBe('invalid_request_object');
  }
});

test('R17 one that is refused uses nothing up', async () => {
  const jti = randomUUID();
  expect(said(await ask(await sign(claims({ jti }), otherKey)))).toBe('invalid_request_object');
  const good = await ask(await sign(claims({ jti })));
  expect(String(good.headers.location)).toContain('/interaction/');
});

test.each([
  ['request_uri', 'request_uri_not_supported', 'http://169.254.169.254/'],
  ['request_uri', 'request_uri_not_supported', 'https://app.example.com/request.jwt'],
  ['request_uri', 'invalid_request_uri', 'urn:ietf:params:oauth:request_uri:stolen'],
  ['registration', 'registration_not_supported', '{}'],
])('R17 %s: %s (%s)', async (name, error, value) => {
  const answer = await world.ask(authorizeQuery(client, { [name]: value }));
  expect(said(answer)).toBe(error);
});

describe('openid-client', () => {
  async function flow(
    build: (config: oidc.Configuration, parameters: Record<string, string>) => Promise<URL>,
    prepare: (config: oidc.Configuration) => void = () => undefined,
    more: Record<string, string> = {},
  ) {
    const config = await oidc.discovery(new URL(world.issuer), client.clientId, client.secret, undefined, {
      execute: [oidc.allowInsecureRequests],
    });
    prepare(config);
    const verifier = oidc.randomPKCECodeVerifier();
    const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
    const url = await build(config, {
      redirect_uri: redirectUri,
      scope: 'openid email offline_access',
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...more,
    });
    const answer = await authorize(createAgent(world.issuer), url.href, world.person);
    const tokens = await oidc.authorizationCodeGrant(config, answer, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
    });
    return { config, url, answer, tokens };
  }
  const signer = () => ({ key: key as oidc.CryptoKey, kid: 'k1' });

  test('PAR', async () => {
    const { url, tokens } = await flow(oidc.buildAuthorizationUrlWithPAR);
    expect([...url.searchParams.keys()].sort()).toEqual(['client_id', 'request_uri']);
    expect(tokens.refresh_token).toBeDefined();
  });

  test('JAR', async () => {
    const { url, tokens } = await flow((config, parameters) =>
      oidc.buildAuthorizationUrlWithJAR(config, parameters, signer()),
    );
    expect([...url.searchParams.keys()].sort()).toEqual(['client_id', 'request']);
    expect(tokens.claims()?.sub).toBe(world.person.id);
    expect(tokens.refresh_token).toBeDefined();
  });

  test('JAR in PAR, answered by JARM', async () => {
    const { url, answer, tokens } = await flow(
      async (config, parameters) => {
        const jar = await oidc.buildAuthorizationUrlWithJAR(config, parameters, signer());
        return oidc.buildAuthorizationUrlWithPAR(config, jar.searchParams);
      },
      oidc.useJwtResponseMode,
      { response_mode: 'jwt' },
    );
    expect([...url.searchParams.keys()].sort()).toEqual(['client_id', 'request_uri']);
    expect([...answer.searchParams.keys()]).toEqual(['response']);
    expect(tokens.refresh_token).toBeDefined();
  });
});
