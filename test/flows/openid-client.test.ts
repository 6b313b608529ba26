/** A real client library, unchanged and with its defaults, against every set-up. */
import * as oidc from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAgent } from '../harness/agent.ts';
import {
  authorize,
  type Person,
  redirectUri,
  type SeededClient,
  seedApi,
  seedClient,
  seedPerson,
  seedWebClient,
} from '../harness/seed.ts';
import { freshStores, type Setup, type Stores, startServer, type TestServer } from '../harness/server.ts';

const setups: readonly (readonly [Setup, string])[] = [
  ['embedded', 'on embedded'],
  ['plain', 'on postgres'],
  ['full', 'on postgres and redis'],
];

describe.each(setups)('openid-client with %s: %s', (setup) => {
  let stores: Stores;
  let server: TestServer;
  let person: Person;
  let web: SeededClient;
  let api: string;
  const insecure = { execute: [oidc.allowInsecureRequests] };

  beforeAll(async () => {
    stores = await freshStores(setup);
    server = await startServer(stores);
    person = await seedPerson(server.rooms);
    api = await seedApi(server.rooms);
    web = await seedWebClient(server.rooms, { postLogoutRedirectUris: ['https://app.example.com/bye'] });
  });
  afterAll(async () => {
    await server?.stop();
    await stores?.drop();
  });

  async function signInWith(scope: string, more: Record<string, string> = {}) {
    const config = await oidc.discovery(
      new URL(server.issuer),
      web.clientId,
      web.secret,
      undefined,
      insecure,
    );
    const verifier = oidc.randomPKCECodeVerifier();
    const state = oidc.randomState();
    const nonce = oidc.randomNonce();
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope,
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...more,
    });
    const agent = createAgent(server.issuer);
    const answer = await authorize(agent, url.href, person);
    const tokens = await oidc.authorizationCodeGrant(config, answer, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
    });
    return { config, tokens, agent };
  }

  test('discovery at both addresses names the issuer alone', async () => {
    const config = await oidc.discovery(new URL(server.issuer), web.clientId, web.secret, undefined, {
      ...insecure,
      algorithm: 'oauth2',
    });
    for (const [name, value] of Object.entries(config.serverMetadata())) {
      if (name.endsWith('_endpoint') || name === 'jwks_uri')
        expect(String(value)).toMatch(new RegExp(`^${server.issuer}/`));
    }
  });

  test('code with PKCE, ID token, userinfo', async () => {
    const { config, tokens } = await signInWith('openid profile email');
    const claims = tokens.claims();
    expect(claims?.sub).toBe(person.id);
    expect(claims?.iss).toBe(server.issuer);
    const info = await oidc.fetchUserInfo(config, tokens.access_token, person.id);
    expect(info).toMatchObject({ email: person.email, email_verified: true, name: 'Ada Lovelace' });
    expect(tokens.refresh_token).toBeUndefined();
  });

  test('refresh rotates, userinfo goes on, introspection and revocation', async () => {
    const { config, tokens } = await signInWith('openid profile offline_access');
    expect(tokens.refresh_token).toBeDefined();
    const next = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(next.refresh_token).not.toBe(tokens.refresh_token);
    await oidc.fetchUserInfo(config, next.access_token, person.id);
    const seen = await oidc.tokenIntrospection(config, next.access_token);
    expect(seen).toMatchObject({ active: true, sub: person.id, client_id: web.clientId });
    await oidc.tokenRevocation(config, next.refresh_token ?? '');
    expect(await oidc.tokenIntrospection(config, next.access_token)).toEqual({ active: false });
    await expect(oidc.refreshTokenGrant(config, next.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  test('a JWT for an API by its scope alone, introspected and revoked', async () => {
    const { config, tokens } = await signInWith('openid profile offline_access orders:read');
    expect(tokens.access_token.split('.')).toHaveLength(3);
    const payload = JSON.parse(Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString());
    expect(payload).toMatchObject({ aud: api, scope: 'orders:read', sub: person.id });
    expect(await oidc.tokenIntrospection(config, tokens.access_token)).toMatchObject({
      active: true,
      aud: api,
    });
    await oidc.tokenRevocation(config, tokens.access_token);
    expect(await oidc.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false });
    // RFC 7009 section 2.1: the refresh token lives on, and gives what userinfo wants when asked for it.
    const forUserinfo = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '', {
      scope: 'openid profile',
    });
    await oidc.fetchUserInfo(config, forUserinfo.access_token, person.id);
  });

  test('client credentials for an audience', async () => {
    const service = await seedClient(server.rooms, {
      name: 'Billing',
      type: 'service',
      resources: [api],
      scopes: ['orders:read'],
    });
    const config = await oidc.discovery(
      new URL(server.issuer),
      service.clientId,
      service.secret,
      undefined,
      insecure,
    );
    const tokens = await oidc.clientCredentialsGrant(config, { scope: 'orders:read', resource: api });
    expect(tokens.expires_in).toBe(900);
    expect(await oidc.tokenIntrospection(config, tokens.access_token)).toMatchObject({
      active: true,
      scope: 'orders:read',
      client_id: service.clientId,
    });
  });

  test('logout ends the session and comes back to the app', async () => {
    const { config, tokens, agent } = await signInWith('openid');
    const url = oidc.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'https://app.example.com/bye',
      state: 'after',
    });
    const page = await agent.get(url.href);
    expect(page.status).toBe(200);
    const { formTo } = await import('../harness/agent.ts');
    const form = formTo(page, '/logout/confirm');
    const done = await agent.post(form.action, { ...form.fields, logout: 'yes' });
    expect(done.location).toBe('https://app.example.com/bye?state=after');
    await expect(oidc.fetchUserInfo(config, tokens.access_token, person.id)).rejects.toThrow();
  });
});
