/**
 * Somebody else's client, `oauth4webapi`, unchanged and with its own checks, through every grant. It finds all addresses
 * by discovery. Mutual TLS with the same library is in mutual-tls.test.ts, keys at a `jwks_uri` in client-keys.test.ts,
 * the token of a platform as the client's proof in workload-identity.test.ts.
 */
import { exportJWK, SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ASSERTION_GRANT, EXCHANGE_GRANT } from '../../src/clients/client-types.ts';
import { formTo, type Page } from '../harness/agent.ts';
import {
  allow,
  authorize,
  redirectUri,
  type SeededClient,
  seedApi,
  seedClient,
  signIn,
} from '../harness/seed.ts';
import { freshAgent, openWorld, payloadOf, type World } from './world.ts';

/** The issuer of this world is on loopback, without TLS. */
const loopback = { [oauth.allowInsecureRequests]: true };
const ACCESS = 'urn:ietf:params:oauth:token-type:access_token';
const orders = 'https://orders.example.com';
const stock = 'https://stock.example.com';
const hr = 'https://hr.example.com';

/** A client as the library knows it, and how it authenticates. */
interface Party {
  readonly client: oauth.Client;
  readonly auth: oauth.ClientAuth;
}

let world: World;
let as: oauth.AuthorizationServer;
let keys: oauth.CryptoKeyPair;
let app: Party;
let tab: Party;
let gateway: Party;
let tv: Party;

const bySecret = ({ clientId, secret }: SeededClient): Party => ({
  client: { client_id: clientId },
  auth: oauth.ClientSecretBasic(secret),
});

beforeAll(async () => {
  world = await openWorld('full');
  const { rooms } = world;
  keys = await oauth.generateKeyPair('ES256', { extractable: true });
  const signing = { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256' };
  const web = { type: 'web', redirectUris: [redirectUri], resources: [orders] } as const;
  // The profile asks for pushed requests and for DPoP with a nonce.
  app = bySecret(await seedClient(rooms, { name: 'Orders', profile: 'high', ...web }));
  const { clientId } = await seedClient(rooms, {
    ...{ name: 'Tab', type: 'spa', redirectUris: [redirectUri], profile: 'high' },
  });
  tab = { client: { client_id: clientId }, auth: oauth.None() };
  gateway = bySecret(
    await seedClient(rooms, {
      ...{ name: 'Orders API', type: 'service', resources: [orders] },
      exchange: [{ audience: stock, mode: 'both' }],
      assertionIssuers: [{ issuer: hr, subject: 'id', jwks: { keys: [signing] } }],
    }),
  );
  const introspectionClientId = gateway.client.client_id;
  await seedApi(rooms, orders, {
    scopes: ['orders:read', 'goods:read', 'goods:write'],
    introspectionClientId,
  });
  await seedApi(rooms, stock, { scopes: ['goods:read', 'goods:write'] });
  const device = await seedClient(rooms, { name: 'Orders TV', type: 'device' });
  tv = { client: { client_id: device.clientId }, auth: oauth.None() };
  const issuer = new URL(world.issuer);
  as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, loopback));
});
afterAll(() => world?.close());

/** One key's proofs. `nonces` counts how often the server asked for a nonce: the request is then made once more. */
function prover(pair: oauth.CryptoKeyPair) {
  const DPoP = oauth.DPoP({}, pair);
  const held = {
    options: { DPoP, ...loopback },
    nonces: 0,
    thumbprint: () => DPoP.calculateThumbprint(),
    async send<T>(ask: () => Promise<Response>, read: (answer: Response) => Promise<T>): Promise<T> {
      try {
        return await read(await ask());
      } catch (error) {
        if (!oauth.isDPoPNonceError(error)) throw error;
        held.nonces += 1;
        return read(await ask());
      }
    },
  };
  return held;
}
type Prover = ReturnType<typeof prover>;

/** Pushed request, sign-in and consent in a browser, code: all bound to the key of `by`. `redeemer` has the same key. */
async function signInWith(by: Prover, scope: string, { client, auth } = app, redeemer = by) {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const parameters = {
    ...{ response_type: 'code', redirect_uri: redirectUri, scope, state, nonce },
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  const pushed = await by.send(
    () => oauth.pushedAuthorizationRequest(as, client, auth, parameters, by.options),
    (answer) => oauth.processPushedAuthorizationResponse(as, client, answer),
  );
  const url = new URL(String(as.authorization_endpoint));
  url.searchParams.set('client_id', client.client_id);
  url.searchParams.set('request_uri', pushed.request_uri);
  const back = await authorize(freshAgent(world), url.href, world.person);
  const answered = oauth.validateAuthResponse(as, client, back, state);
  let last = new Response();
  const tokens = await redeemer.send(
    () =>
      oauth.authorizationCodeGrantRequest(
        as,
        client,
        auth,
        answered,
        redirectUri,
        verifier,
        redeemer.options,
      ),
    (answer) => {
      last = answer;
      return oauth.processAuthorizationCodeResponse(as, client, answer, {
        expectedNonce: nonce,
        requireIdToken: true,
      });
    },
  );
  await oauth.validateApplicationLevelSignature(as, last, loopback);
  return tokens;
}

const refresh = (by: Prover, token = '', { client, auth } = app) =>
  by.send(
    () => oauth.refreshTokenGrantRequest(as, client, auth, token, by.options),
    (answer) => oauth.processRefreshTokenResponse(as, client, answer),
  );
const userinfo = (by: Prover, token: string) =>
  by.send(
    () => oauth.userInfoRequest(as, app.client, token, by.options),
    (answer) => oauth.processUserInfoResponse(as, app.client, world.person.id, answer),
  );
const introspect = async ({ client, auth }: Party, token: string) =>
  oauth.processIntrospectionResponse(
    as,
    client,
    await oauth.introspectionRequest(as, client, auth, token, loopback),
  );
const revoke = async ({ client, auth }: Party, token = '') =>
  oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, token, loopback));

/** What an API does with the library: the request that `by` makes with its token is judged whole. */
async function callApi(by: Prover, token: string): Promise<oauth.JWTAccessTokenClaims> {
  let sent: Request | undefined;
  await oauth.protectedResourceRequest(token, 'GET', new URL('/orders', orders), undefined, null, {
    ...by.options,
    [oauth.customFetch]: async (url, { method, headers }) => {
      sent = new Request(url, { method, headers });
      return new Response();
    },
  });
  if (!sent) throw new Error('no request was sent');
  return oauth.validateJwtAccessToken(as, sent, orders, { requireDPoP: true, ...loopback });
}

describe('a person signs in: discovery, PAR, PKCE, DPoP with nonces', () => {
  test('code for tokens of the key; userinfo; the API takes them', async () => {
    const by = prover(await oauth.generateKeyPair('ES256'));
    const tokens = await signInWith(by, 'openid profile email');
    // Once for the pushed request: every answer brings the nonce for the next proof.
    expect(by.nonces).toBe(1);
    expect(tokens.token_type).toBe('dpop');
    expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({
      sub: world.person.id,
      iss: world.issuer,
    });
    expect(await userinfo(by, tokens.access_token)).toMatchObject({ email: world.person.email });
    const jkt = await by.thumbprint();
    expect(await introspect(app, tokens.access_token)).toMatchObject({ active: true, cnf: { jkt } });

    const forApi = await signInWith(by, 'openid orders:read');
    expect(await callApi(by, forApi.access_token)).toMatchObject({
      ...{ sub: world.person.id, client_id: app.client.client_id, scope: 'orders:read', cnf: { jkt } },
    });
    const thief = prover(await oauth.generateKeyPair('ES256'));
    await expect(callApi(thief, forApi.access_token)).rejects.toMatchObject({
      code: oauth.JWT_CLAIM_COMPARISON,
    });
  });

  test('code and refresh token outlive the refusal that asks for a nonce; introspection; revocation', async () => {
    const pair = await oauth.generateKeyPair('ES256');
    // As after a restart: the key is the same, and no nonce is known.
    const redeemer = prover(pair);
    const first = await signInWith(prover(pair), 'openid profile offline_access', app, redeemer);
    const restarted = prover(pair);
    const next = await refresh(restarted, first.refresh_token);
    expect([redeemer.nonces, restarted.nonces, next.token_type]).toEqual([1, 1, 'dpop']);
    expect(next.refresh_token).not.toBe(first.refresh_token);
    await userinfo(restarted, next.access_token);
    expect(await introspect(app, next.access_token)).toMatchObject({ active: true, sub: world.person.id });

    await revoke(app, next.refresh_token);
    expect(await introspect(app, next.access_token)).toEqual({ active: false });
    await expect(refresh(restarted, next.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  test('a public client’s tokens are worth nothing to another key, which does them no harm', async () => {
    const by = prover(await oauth.generateKeyPair('ES256'));
    const thief = prover(await oauth.generateKeyPair('ES256'));
    const first = await signInWith(by, 'openid profile offline_access', tab);
    await expect(userinfo(thief, first.access_token)).rejects.toThrow(oauth.WWWAuthenticateChallengeError);
    await expect(refresh(thief, first.refresh_token, tab)).rejects.toMatchObject({ error: 'invalid_grant' });
    const next = await refresh(by, first.refresh_token, tab);
    await userinfo(by, next.access_token);
    await revoke(tab, next.refresh_token);
    await expect(userinfo(by, next.access_token)).rejects.toThrow(oauth.WWWAuthenticateChallengeError);
  });
});

describe('client credentials by every method', () => {
  const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;

  test.each(methods)('%s', async (authMethod) => {
    expect(as.token_endpoint_auth_methods_supported).toContain(authMethod);
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256' };
    const { clientId, secret } = await seedClient(world.rooms, {
      ...{ name: 'Billing', type: 'service', resources: [orders], authMethod },
      ...(authMethod === 'private_key_jwt' && { jwks: { keys: [jwk] } }),
    });
    const auth = {
      client_secret_basic: () => oauth.ClientSecretBasic(secret),
      client_secret_post: () => oauth.ClientSecretPost(secret),
      private_key_jwt: () => oauth.PrivateKeyJwt({ key: keys.privateKey, kid: 'k1' }),
    }[authMethod]();
    const party = { client: { client_id: clientId }, auth };
    const ask = async (by: oauth.ClientAuth) =>
      oauth.processClientCredentialsResponse(
        as,
        party.client,
        await oauth.clientCredentialsGrantRequest(as, party.client, by, { scope: 'orders:read' }, loopback),
      );
    const tokens = await ask(auth);
    expect(payloadOf(tokens.access_token)).toMatchObject({ aud: orders, scope: 'orders:read' });
    expect(await introspect(party, tokens.access_token)).toMatchObject({ active: true, client_id: clientId });
    await revoke(party, tokens.access_token);
    expect(await introspect(party, tokens.access_token)).toEqual({ active: false });
    const { privateKey } = await oauth.generateKeyPair('ES256');
    const foreign = oauth.PrivateKeyJwt({ key: privateKey, kid: 'k1' });
    for (const wrong of [oauth.ClientSecretBasic('wrong'), oauth.ClientSecretPost('wrong'), foreign]) {
      const refused: unknown = await ask(wrong).catch((error: unknown) => error);
      // RFC 9110 section 15.5.2: every 401 has a challenge, which the library looks at before the body.
      if (!(refused instanceof oauth.WWWAuthenticateChallengeError)) throw refused;
      expect([refused.status, refused.cause[0]?.scheme]).toEqual([401, 'basic']);
      expect(await refused.response.json()).toMatchObject({ error: 'invalid_client' });
    }
  });
});

describe('device authorization', () => {
  const start = async () =>
    oauth.processDeviceAuthorizationResponse(
      as,
      tv.client,
      await oauth.deviceAuthorizationRequest(
        as,
        tv.client,
        tv.auth,
        { scope: 'openid offline_access' },
        loopback,
      ),
    );
  const poll = async (code: string) =>
    oauth.processDeviceCodeResponse(
      as,
      tv.client,
      await oauth.deviceCodeGrantRequest(as, tv.client, tv.auth, code, loopback),
    );
  async function approve(address: string): Promise<Page> {
    const agent = freshAgent(world);
    const send = async (page: Page, fields: Record<string, string>) => {
      const form = formTo(page, '/device');
      return agent.follow(await agent.post(form.action, { ...form.fields, ...fields }));
    };
    const named = await send(await agent.get(address), {});
    const asked = await signIn(agent, await send(named, { confirm: 'yes' }), world.person);
    return allow(agent, asked);
  }

  test('pending until a person approves at the address that the device shows', async () => {
    const [early, asked] = [await start(), await start()];
    await expect(poll(early.device_code)).rejects.toMatchObject({ error: 'authorization_pending' });
    const done = await approve(String(asked.verification_uri_complete));
    expect(done.text).toContain('Your device is connected');
    const tokens = await poll(asked.device_code);
    expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({ sub: world.person.id });
    expect(tokens.refresh_token).toBeTruthy();
    await expect(poll(asked.device_code)).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});

describe('grants that are given by policy', () => {
  const ask = async (grant: string, parameters: Record<string, string>, { client, auth } = gateway) =>
    oauth.processGenericTokenEndpointResponse(
      as,
      client,
      await oauth.genericTokenEndpointRequest(as, client, auth, grant, parameters, loopback),
    );

  test('token exchange: the person’s token for the next API, no wider', async () => {
    const web = await seedClient(world.rooms, {
      ...{ name: 'Shop', type: 'web', redirectUris: [redirectUri], firstParty: true, resources: [orders] },
    });
    const { access_token: token } = await world.signIn(web, 'openid orders:read goods:read', {
      resource: orders,
    });
    const parameters = { subject_token: token, subject_token_type: ACCESS, resource: stock };
    const exchanged = await ask(EXCHANGE_GRANT, parameters);
    expect(exchanged).toMatchObject({ issued_token_type: ACCESS, token_type: 'bearer', scope: 'goods:read' });
    expect(payloadOf(exchanged.access_token)).toMatchObject({ aud: stock, sub: world.person.id });
    await expect(ask(EXCHANGE_GRANT, { ...parameters, scope: 'goods:write' })).rejects.toMatchObject({
      error: 'invalid_scope',
    });
  });

  test('JWT bearer: what a trusted issuer says of a person, once', async () => {
    const assertion = await new SignJWT({ jti: oauth.generateRandomState() })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer(hr)
      .setSubject(world.person.id)
      .setAudience(as.issuer)
      .setIssuedAt()
      .setExpirationTime('2m')
      .sign(keys.privateKey);
    const tokens = await ask(ASSERTION_GRANT, { assertion, scope: 'orders:read' });
    expect(payloadOf(tokens.access_token)).toMatchObject({ aud: orders, sub: world.person.id });
    await expect(ask(ASSERTION_GRANT, { assertion })).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});
