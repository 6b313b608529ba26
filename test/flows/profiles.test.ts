/** The profiles `high` and `fapi2` at request time. Names begin with the requirement that they hold. */
import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAgent, formTo } from '../harness/agent.ts';
import { authorize, redirectUri, seedApi, seedClient } from '../harness/seed.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { authorizeQuery, openWorld, payloadOf, type Reply, type World } from './world.ts';

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
type Claims = Record<string, unknown>;

interface Pair {
  readonly key: Key;
  readonly jwk: JWK;
}

let clock: MovedClock;
let world: World;
let second: World;
let signing: Pair;
let proofs: Pair;
let thief: Pair;
let api: string;
let oldApi: string;
const fapi = { clientId: 'bank-app', secret: '' };
const worker = { clientId: 'bank-worker', secret: '' };
const tab = { clientId: 'tab', secret: '' };

async function newPair(alg = 'ES256'): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid: 'k1' } };
}

beforeAll(async () => {
  clock = await moveClock();
  world = await openWorld('full', {
    CARDEA_LIFETIME_AUTHORIZATION_CODE: '5m',
    CARDEA_LIFETIME_PUSHED_REQUEST: '5m',
  });
  second = await world.second();
  [signing, proofs, thief] = [await newPair(), await newPair(), await newPair()];
  api = await seedApi(world.rooms);
  oldApi = await seedApi(world.rooms, 'https://old.example.com', {
    scopes: ['old:read'],
    signingAlg: 'RS256',
  });
  const keys = { jwks: { keys: [signing.jwk] }, profile: 'fapi2' } as const;
  await seedClient(world.rooms, {
    ...{ clientId: fapi.clientId, name: 'Bank', type: 'web', firstParty: true },
    ...{ redirectUris: [redirectUri], ...keys },
  });
  await seedClient(world.rooms, {
    ...{ clientId: worker.clientId, name: 'Worker', type: 'service' },
    ...{ resources: [api, oldApi], defaultResource: api, ...keys },
  });
  await seedClient(world.rooms, {
    ...{ clientId: tab.clientId, name: 'Tab', type: 'spa', firstParty: true },
    ...{ redirectUris: [redirectUri], profile: 'high' },
  });
});
afterEach(() => clock.reset());
afterAll(() => world?.close());

const now = () => Math.floor(Date.now() / 1000);

const assertion = (change: Claims = {}, by = fapi.clientId, header: Claims = {}, key = signing.key) =>
  new SignJWT({
    iss: by,
    sub: by,
    aud: world.issuer,
    jti: randomUUID(),
    iat: now(),
    exp: now() + 60,
    ...change,
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header })
    .sign(key);
const authenticated = async (change: Claims = {}, by = fapi.clientId) => ({
  client_id: by,
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await assertion(change, by),
});

/** A DPoP proof for a POST to the token endpoint, unless told otherwise. `iat` is in seconds from now. */
function proof(change: Claims = {}, by = proofs, header: Claims = {}): Promise<string> {
  const { iat = 0, ...rest } = change as { iat?: number };
  const { kid: _kid, ...jwk } = by.jwk;
  return new SignJWT({
    jti: randomUUID(),
    htm: 'POST',
    htu: `${world.issuer}/oauth2/token`,
    iat: now() + iat,
    ...rest,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(by.key);
}
/** The nonce that the server asks for now. */
async function freshNonce(): Promise<string> {
  const asked = await worksWith(await proof());
  expect(asked.json.error).toBe('use_dpop_nonce');
  return String(asked.headers['dpop-nonce']);
}
const worksWith = async (dpop: string | undefined, to = world, more: Record<string, string> = {}) =>
  to.ask('/oauth2/token', {
    form: { grant_type: 'client_credentials', ...(await authenticated({}, worker.clientId)), ...more },
    headers: dpop ? { dpop } : {},
  });

interface Pushed extends Reply {
  readonly json: Reply['json'] & { readonly request_uri: string };
}
const verifier = 'v'.repeat(43);
const challenge = createHash('sha256').update(verifier).digest('base64url');
async function push(change: Record<string, string | undefined> = {}, who?: Record<string, string>) {
  const query = new URLSearchParams(
    authorizeQuery(fapi, { scope: 'openid offline_access', code_challenge: challenge, ...change }).split(
      '?',
    )[1],
  );
  const form = { ...Object.fromEntries(query), ...(who ?? (await authenticated())) };
  return (await world.ask('/oauth2/par', { form })) as Pushed;
}
const use = (uri: string) =>
  `${world.issuer}/oauth2/authorize?${new URLSearchParams({ client_id: fapi.clientId, request_uri: uri })}`;
async function codeOf(change: Record<string, string | undefined> = {}) {
  const { json } = await push(change);
  const answer = await authorize(createAgent(world.issuer), use(json.request_uri), world.person);
  return { answer, code: answer.searchParams.get('code') ?? '' };
}
const redeem = async (code: string, dpop: string | undefined, to = world) =>
  to.ask('/oauth2/token', {
    form: {
      ...{ grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri },
      ...(await authenticated()),
    },
    headers: dpop ? { dpop } : {},
  });
const bound = async () => {
  const { code } = await codeOf();
  const { json, text } = await redeem(code, await proof({ nonce: await freshNonce() }));
  expect(json.token_type, text).toBe('DPoP');
  return json;
};

describe('FAPI 2.0 section 5.3.2.1', () => {
  test('5.3.2.1-3 5.3.2.1-6 a secret, no authentication, or another key: refused', async () => {
    const { code } = await codeOf();
    const form = {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
    };
    const nonce = await freshNonce();
    const headers = async () => ({ dpop: await proof({ nonce }) });
    const bare = await world.ask('/oauth2/token', {
      form: { ...form, client_id: fapi.clientId },
      headers: await headers(),
    });
    expect([bare.status, bare.json.error]).toEqual([401, 'invalid_client']);
    const client = { clientId: fapi.clientId, secret: 'compared elsewhere' };
    const basic = await world.ask('/oauth2/token', { form, client, headers: await headers() });
    expect([basic.status, basic.json.error]).toEqual([401, 'invalid_client']);
    const forged = {
      ...(await authenticated()),
      client_assertion: await assertion({}, fapi.clientId, {}, thief.key),
    };
    const other = await world.ask('/oauth2/token', {
      form: { ...form, ...forged },
      headers: await headers(),
    });
    expect([other.status, other.json.error]).toEqual([401, 'invalid_client']);
    expect((await redeem(code, await proof({ nonce }))).status).toBe(200);
  });

  test('5.3.2.1-4 5.3.2.1-5 no proof, no token: for codes, refreshes and services', async () => {
    const { code } = await codeOf();
    expect((await redeem(code, undefined)).json).toMatchObject({ error: 'invalid_dpop_proof' });
    expect((await worksWith(undefined)).json).toMatchObject({ error: 'invalid_dpop_proof' });
    const tokens = await bound();
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
    const plain = await world.ask('/oauth2/token', { form: { ...form, ...(await authenticated()) } });
    expect([plain.status, plain.json.error]).toEqual([400, 'invalid_dpop_proof']);
    // It was not used up by that.
    const headers = { dpop: await proof({ nonce: await freshNonce() }) };
    const good = await world.ask('/oauth2/token', { form: { ...form, ...(await authenticated()) }, headers });
    expect([good.status, good.json.token_type], good.text).toEqual([200, 'DPoP']);
  });

  test('5.3.2.1-8 the audience of an assertion is the issuer, as one string', async () => {
    const others: unknown[] = [
      [world.issuer],
      [world.issuer, 'https://evil.example.com'],
      `${world.issuer}/oauth2/token`,
    ];
    for (const aud of others) {
      const answer = await push({}, await authenticated({ aud }));
      expect([answer.status, answer.json.error], JSON.stringify(aud)).toEqual([401, 'invalid_client']);
    }
    expect((await push()).status).toBe(201);
  });

  test('5.3.2.1-9 a refresh that gets no answer is repeated: the same bytes, and nobody is signed out', async () => {
    const { refresh_token } = await bound();
    const nonce = await freshNonce();
    const refresh = async (to: World) =>
      to.ask('/oauth2/token', {
        form: { grant_type: 'refresh_token', refresh_token, ...(await authenticated()) },
        headers: { dpop: await proof({ nonce }) },
      });
    const [first, again] = [await refresh(world), await refresh(second)];
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text]);
  });

  test('5.3.2.1-11 a code lives 60 seconds, whatever is set', async () => {
    const { code } = await codeOf();
    clock.move(61);
    expect((await redeem(code, await proof({ nonce: await freshNonce() }))).json.error).toBe('invalid_grant');
    const early = await codeOf();
    clock.move(57);
    expect((await redeem(early.code, await proof({ nonce: await freshNonce() }))).status).toBe(200);
  });

  test('5.3.2.1-12 T20 dpop_jkt binds the code to its key: another key gets nothing', async () => {
    const { code } = await codeOf({ dpop_jkt: await calculateJwkThumbprint(proofs.jwk) });
    const nonce = await freshNonce();
    const stolen = await redeem(code, await proof({ nonce }, thief));
    expect([stolen.status, stolen.json.access_token]).toEqual([400, undefined]);
    expect(stolen.json.error).toMatch(/^invalid_(grant|dpop_proof)$/);
  });

  test('5.3.2.1-13 10 seconds ahead are accepted, more than 60 are not: assertions and proofs', async () => {
    expect((await push({}, await authenticated({ iat: now() + 10, nbf: now() + 10 }))).status).toBe(201);
    expect((await push({}, await authenticated({ iat: now() + 70 }))).status).toBe(401);
    expect((await push({}, await authenticated({ nbf: now() + 70 }))).status).toBe(401);
    const nonce = await freshNonce();
    expect((await worksWith(await proof({ nonce, iat: 10 }))).status).toBe(200);
    expect((await worksWith(await proof({ nonce, iat: 70 }))).json.error).toBe('invalid_dpop_proof');
  });
});

describe('FAPI 2.0 section 5.3.2.2', () => {
  test('5.3.2.2-1 5.3.2.2-3 a request that was not pushed, or for another response type: refused', async () => {
    const { headers } = await world.ask(authorizeQuery(fapi));
    expect(new URL(String(headers.location)).searchParams.get('error')).toBe('invalid_request');
    for (const response_type of ['none', 'token', 'code id_token']) {
      expect((await push({ response_type })).status, response_type).toBe(400);
    }
  });

  test('5.3.2.2-2 5.3.2.2-4 a push without authentication: refused', async () => {
    const bare = await push({}, { client_id: fapi.clientId });
    expect([bare.status, bare.json.error]).toEqual([401, 'invalid_client']);
    expect((await push()).status).toBe(201);
  });

  test('5.3.2.2-5 no PKCE, or plain: refused', async () => {
    const none = { code_challenge: undefined, code_challenge_method: undefined };
    expect((await push(none)).json.error).toBe('invalid_request');
    expect((await push({ code_challenge_method: 'plain' })).json.error).toBe('invalid_request');
  });

  test('5.3.2.2-6 no redirect_uri in the push: refused', async () => {
    expect((await push({ redirect_uri: undefined })).json.error).toBe('invalid_request');
  });

  test('5.3.2.2-7 5.3.2.2-11 the answer names the issuer and comes by 303', async () => {
    const { answer } = await codeOf();
    expect(answer.searchParams.get('iss')).toBe(world.issuer);
    const { json } = await push();
    const page = await createAgent(world.issuer).get(use(json.request_uri));
    expect(page.status).toBe(303);
  });

  test('5.3.2.2-10 credentials are answered by 303, never 307', async () => {
    const agent = createAgent(world.issuer);
    const page = await agent.follow(await agent.get(use((await push()).json.request_uri)));
    const form = formTo(page, '/sign-in');
    const { email, password } = world.person;
    let answer = await agent.post(form.action, { ...form.fields, email, password });
    const hops = [answer.status];
    while (answer.location?.startsWith(world.issuer)) {
      answer = await agent.get(answer.location);
      hops.push(answer.status);
    }
    expect(new URL(String(answer.location)).searchParams.get('code')).toBeTruthy();
    expect(new Set(hops)).toEqual(new Set([303]));
  });

  test('5.3.2.2-9 a code that was used: refused, and what came of it ends', async () => {
    const { code } = await codeOf();
    const nonce = await freshNonce();
    const first = await redeem(code, await proof({ nonce }));
    expect(first.status).toBe(200);
    expect((await redeem(code, await proof({ nonce }), second)).json.error).toBe('invalid_grant');
    const form = {
      grant_type: 'refresh_token',
      refresh_token: first.json.refresh_token,
      ...(await authenticated()),
    };
    const next = await world.ask('/oauth2/token', { form, headers: { dpop: await proof({ nonce }) } });
    expect(next.json.error).toBe('invalid_grant');
  });

  test('5.3.2.2-12 a pushed request lives less than 600 seconds', async () => {
    const { json } = await push();
    expect(json.expires_in).toBeLessThan(600);
  });

  test('5.3.2.2-14 a nonce of 64 characters comes back', async () => {
    const nonce = 'n'.repeat(64);
    const { code } = await codeOf({ nonce });
    const { json } = await redeem(code, await proof({ nonce: await freshNonce() }));
    expect(payloadOf(json.id_token).nonce).toBe(nonce);
  });
});

test('5.2.3-3 no CORS at the authorization endpoint', async () => {
  for (const method of ['GET', 'OPTIONS']) {
    const { headers } = await world.ask(authorizeQuery(fapi), {
      method,
      headers: { origin: 'https://app.example.com', 'access-control-request-method': 'GET' },
    });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  }
});

describe('FAPI 2.0 section 5.4.1', () => {
  test('5.4.1-1 RS256 of assertions, proofs and APIs: refused; what we sign is ES256', async () => {
    const rsa = await newPair('RS256');
    const both = { keys: [signing.jwk, { ...rsa.jwk, kid: 'rsa' }] };
    const by = { kind: 'operator' } as const;
    expect((await world.rooms.clients.update(worker.clientId, { jwks: both }, by)).kind).toBe('updated');
    const signed = await assertion({}, worker.clientId, { alg: 'RS256', kid: 'rsa' }, rsa.key);
    const nonce = await freshNonce();
    const asked = { ...(await authenticated({}, worker.clientId)), client_assertion: signed };
    const form = { grant_type: 'client_credentials', ...asked };
    const answer = await world.ask('/oauth2/token', { form, headers: { dpop: await proof({ nonce }) } });
    expect([answer.status, answer.json.error]).toEqual([401, 'invalid_client']);
    const weak = await worksWith(await proof({ nonce }, rsa, { alg: 'RS256' }));
    expect(weak.json.error).toBe('invalid_dpop_proof');
    const old = await worksWith(await proof({ nonce }), world, { resource: oldApi });
    expect(old.json.error).toBe('invalid_target');
    const { id_token } = await bound();
    expect(JSON.parse(Buffer.from(id_token.split('.')[0] ?? '', 'base64url').toString()).alg).toBe('ES256');
  });

  test('5.4.1-1 alg none: refused everywhere', async () => {
    const none = (jwt: string) => {
      const [, payload] = jwt.split('.');
      return `${Buffer.from('{"alg":"none","typ":"dpop+jwt"}').toString('base64url')}.${payload}.`;
    };
    const who = { ...(await authenticated()), client_assertion: none(await assertion()) };
    expect((await push({}, who)).json.error).toBe('invalid_client');
    expect((await worksWith(none(await proof()))).json.error).toBe('invalid_dpop_proof');
  });
});

describe('T20 with a nonce of the server', () => {
  let nonce: string;
  beforeEach(async () => {
    nonce = await freshNonce();
  });

  test('T20 missing or made up: use_dpop_nonce with the one to use', async () => {
    for (const change of [{}, { nonce: 'made-up' }]) {
      const { status, json, headers } = await worksWith(await proof(change));
      expect([status, json.error]).toEqual([400, 'use_dpop_nonce']);
      expect(headers['dpop-nonce']).toBeTruthy();
    }
    // One of this server's counts on the other: they share the secret.
    expect((await worksWith(await proof({ nonce }), second)).status).toBe(200);
  });

  test('T20 an old nonce: a new one is asked for', async () => {
    clock.move(3_600);
    expect((await worksWith(await proof({ nonce }))).json.error).toBe('use_dpop_nonce');
  });

  test('T20 the same proof twice, and 20 times at once on two processes: one winner', async () => {
    const once = await proof({ nonce });
    expect((await worksWith(once)).status).toBe(200);
    expect((await worksWith(once, second)).json.error).toBe('invalid_dpop_proof');
    const shared = await proof({ nonce });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => worksWith(shared, n % 2 ? second : world)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('T20 wrong htu, htm or key in it: refused', async () => {
    const { kid: _kid, ...jwk } = proofs.jwk;
    const bad = [
      await proof({ nonce, htu: 'https://evil.example.com/oauth2/token' }),
      await proof({ nonce, htm: 'GET' }),
      await proof({ nonce }, thief, { jwk }),
    ];
    for (const dpop of bad) expect((await worksWith(dpop)).json.error).toBe('invalid_dpop_proof');
  });

  test('T20 at userinfo: wrong ath, another key, or the token as Bearer: refused', async () => {
    const { access_token } = await bound();
    const at = { htu: `${world.issuer}/oauth2/userinfo`, htm: 'GET' };
    const ath = createHash('sha256').update(access_token).digest('base64url');
    const show = async (dpop: string | undefined, scheme = 'DPoP') =>
      (
        await world.ask('/oauth2/userinfo', {
          headers: { authorization: `${scheme} ${access_token}`, ...(dpop ? { dpop } : {}) },
        })
      ).status;
    expect(await show(await proof({ ...at, ath }))).toBe(200);
    expect(await show(await proof({ ...at, ath: 'x'.repeat(43) }))).toBe(401);
    expect(await show(await proof({ ...at, ath }, thief))).toBe(401);
    expect(await show(undefined)).toBeGreaterThanOrEqual(400);
    expect(await show(undefined, 'Bearer')).toBe(401);
    expect(await show(await proof({ ...at, ath }), 'Bearer')).toBeGreaterThanOrEqual(400);
    const once = await proof({ ...at, ath });
    expect([await show(once), await show(once)]).toEqual([200, 401]);
  });
});

test('T20 iat up to five minutes off is fresh without a nonce; beyond, a nonce is asked for', async () => {
  const loose = await seedClient(world.rooms, { name: 'Loose', type: 'service', resources: [api] });
  const ask = async (iat: number) =>
    world.ask('/oauth2/token', {
      form: { grant_type: 'client_credentials' },
      client: loose,
      headers: { dpop: await proof({ iat }) },
    });
  for (const iat of [-270, 270]) expect((await ask(iat)).status, String(iat)).toBe(200);
  for (const iat of [-330, 330]) expect((await ask(iat)).json.error, String(iat)).toBe('use_dpop_nonce');
});

test('high: a single-page app by PAR and DPoP with openid-client; without either it gets nothing', async () => {
  const { headers } = await world.ask(authorizeQuery(tab));
  expect(new URL(String(headers.location)).searchParams.get('error')).toBe('invalid_request');
  const config = await oidc.discovery(new URL(world.issuer), tab.clientId, undefined, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  });
  const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const url = await oidc.buildAuthorizationUrlWithPAR(
    config,
    {
      redirect_uri: redirectUri,
      scope: 'openid offline_access',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    },
    { DPoP },
  );
  const answer = await authorize(createAgent(world.issuer), url.href, world.person);
  const tokens = await oidc.authorizationCodeGrant(config, answer, { pkceCodeVerifier }, undefined, { DPoP });
  expect(tokens.token_type).toBe('dpop');
  const next = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '', undefined, { DPoP });
  expect(await oidc.fetchUserInfo(config, next.access_token, world.person.id, { DPoP })).toMatchObject({
    sub: world.person.id,
  });
});

test('fapi2: private_key_jwt, PAR, DPoP and PKCE with openid-client', async () => {
  const config = await oidc.discovery(
    new URL(world.issuer),
    fapi.clientId,
    { id_token_signed_response_alg: 'ES256' },
    oidc.PrivateKeyJwt({ key: signing.key as oidc.CryptoKey, kid: 'k1' }),
    { execute: [oidc.allowInsecureRequests] },
  );
  const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const url = await oidc.buildAuthorizationUrlWithPAR(
    config,
    {
      redirect_uri: redirectUri,
      scope: 'openid orders:read',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    },
    { DPoP },
  );
  const answer = await authorize(createAgent(world.issuer), url.href, world.person);
  const tokens = await oidc.authorizationCodeGrant(config, answer, { pkceCodeVerifier }, undefined, { DPoP });
  expect(payloadOf(tokens.access_token)).toMatchObject({ aud: api, cnf: { jkt: expect.any(String) } });
  expect(tokens.claims()?.sub).toBe(world.person.id);
});
