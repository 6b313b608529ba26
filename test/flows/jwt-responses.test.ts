/** JARM, RFC 9701, OpenID Connect Core section 5.3.2: answers that are signed for whoever they are for. */
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, createAgent, formsOf, type Page } from '../harness/agent.ts';
import {
  authorize,
  redirectUri,
  type SeededClient,
  seedApi,
  seedClient,
  seedWebClient,
} from '../harness/seed.ts';
import { authorizeQuery, openWorld, payloadOf, type World } from './world.ts';

let world: World;
let client: SeededClient;
let api: SeededClient;
let agent: Agent;
let keys: ReturnType<typeof createRemoteJWKSet>;

beforeAll(async () => {
  world = await openWorld('full');
  const audience = await seedApi(world.rooms);
  api = await seedClient(world.rooms, {
    name: 'API',
    type: 'service',
    resources: [audience],
    introspectionAlg: 'PS256',
  });
  await world.rooms.resources.update(audience, { introspectionClientId: api.clientId }, { kind: 'operator' });
  client = await seedWebClient(world.rooms, {
    firstParty: true,
    authorizationAlg: 'ES256',
    userinfoAlg: 'EdDSA',
  });
  const browser = world.browser(client);
  await browser.code('openid');
  agent = browser.agent;
  keys = createRemoteJWKSet(new URL(`${world.issuer}/oauth2/jwks`));
});
afterAll(() => world?.close());

const opened = async (jwt: string | null | undefined, alg = 'ES256', audience = client.clientId) =>
  (await jwtVerify(String(jwt), keys, { issuer: world.issuer, audience, algorithms: [alg] })).payload;

describe('JARM', () => {
  /** The response JWT, from wherever the mode puts it. */
  function responseOf(page: Page, mode: string): string | null | undefined {
    if (mode === 'form_post.jwt') {
      const [form] = formsOf(page);
      expect(form?.action).toBe(redirectUri);
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
      expect(page.text).not.toMatch(/<script(?! src)/);
      return form?.fields.response;
    }
    const url = new URL(String(page.location));
    expect(url.href.startsWith(redirectUri)).toBe(true);
    const where = mode === 'fragment.jwt' ? new URLSearchParams(url.hash.slice(1)) : url.searchParams;
    expect([...where.keys()]).toEqual(['response']);
    return where.get('response');
  }

  test.each(['jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt'])('%s: a code', async (mode) => {
    const page = await agent.get(authorizeQuery(client, { response_mode: mode, state: 'a b&c' }));
    const payload = await opened(responseOf(page, mode));
    expect(payload).toMatchObject({ iss: world.issuer, aud: client.clientId, state: 'a b&c' });
    expect(payload.code).toMatch(/^C/);
    // JARM section 2.1: at most ten minutes.
    expect(Number(payload.exp) - Date.now() / 1000).toBeLessThan(600);
  });

  test.each(['jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt'])(
    '%s: an error, with its reference',
    async (mode) => {
      const stranger = createAgent(world.issuer);
      const page = await stranger.get(authorizeQuery(client, { response_mode: mode, prompt: 'none' }));
      const payload: JWTPayload = await opened(responseOf(page, mode));
      expect(payload).toMatchObject({ error: 'login_required', state: 'the-state' });
      expect(payload.reference).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
      expect(payload.code).toBeUndefined();
    },
  );

  test('R11 a mode that there is not: refused', async () => {
    for (const mode of ['web_message', 'web_message.jwt', 'none.jwt', 'query.jwt.jwt']) {
      const page = await agent.get(authorizeQuery(client, { response_mode: mode }));
      expect(new URL(String(page.location)).searchParams.get('error'), mode).toBe(
        'unsupported_response_mode',
      );
    }
  });

  test('openid-client reads it', async () => {
    const config = await oidc.discovery(
      new URL(world.issuer),
      client.clientId,
      {
        client_secret: client.secret,
        authorization_signed_response_alg: 'ES256',
        userinfo_signed_response_alg: 'EdDSA',
      },
      undefined,
      { execute: [oidc.allowInsecureRequests, oidc.useJwtResponseMode] },
    );
    const verifier = oidc.randomPKCECodeVerifier();
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid email',
      state: 's',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const answer = await authorize(createAgent(world.issuer), url.href, world.person);
    const tokens = await oidc.authorizationCodeGrant(config, answer, {
      pkceCodeVerifier: verifier,
      expectedState: 's',
    });
    // OpenID Connect Core section 5.3.2: userinfo as a JWT of its own.
    const info = await oidc.fetchUserInfo(config, tokens.access_token, world.person.id);
    expect(info).toMatchObject({ sub: world.person.id, email: world.person.email });
  });
});

describe('userinfo', () => {
  test('is a JWT for its client when that was registered, and JSON otherwise', async () => {
    const { access_token } = await world.signIn(client, 'openid email');
    const { headers, text } = await world.userinfo(access_token);
    expect(headers['content-type']).toBe('application/jwt; charset=utf-8');
    expect(await opened(text, 'EdDSA')).toMatchObject({ sub: world.person.id, email: world.person.email });

    const plain = await seedWebClient(world.rooms, { firstParty: true });
    const answer = await world.userinfo((await world.signIn(plain, 'openid')).access_token);
    expect(answer.headers['content-type']).toContain('application/json');
  });
});

describe('introspection (RFC 9701)', () => {
  const accept = { accept: 'application/token-introspection+jwt' };
  const introspect = (token: string, by = api, headers: Record<string, string> = accept) =>
    world.ask('/oauth2/introspect', { form: { token }, client: by, headers });

  test('signed when it is asked for, for the one that asked, and not an access token', async () => {
    const { access_token } = await world.signIn(client, 'openid orders:read');
    const { headers, text } = await introspect(access_token);
    expect(headers['content-type']).toBe('application/token-introspection+jwt; charset=utf-8');
    const payload = await opened(text, 'PS256', api.clientId);
    expect(payload.token_introspection).toMatchObject({
      active: true,
      sub: world.person.id,
      client_id: client.clientId,
      scope: 'orders:read',
    });
    // RFC 9701 section 8.1: what is about the token stands inside, so that nobody takes it for one.
    for (const claim of ['sub', 'exp', 'scope', 'client_id', 'gid'])
      expect(payload).not.toHaveProperty(claim);
    expect(JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()).typ).toBe(
      'token-introspection+jwt',
    );
    expect((await introspect(access_token, api, {})).json.active).toBe(true);
  });

  test('dead, foreign or forged: signed too, and says no more than that', async () => {
    const { access_token } = await world.signIn(client, 'openid orders:read');
    const stranger = await seedWebClient(world.rooms, { firstParty: true });
    const cases: [string, SeededClient, string][] = [
      [`${access_token.slice(0, -4)}AAAA`, api, 'PS256'],
      ['unknown', api, 'PS256'],
      [access_token, stranger, 'RS256'],
    ];
    for (const [token, by, alg] of cases) {
      const { text } = await introspect(token, by);
      expect((await opened(text, alg, by.clientId)).token_introspection).toEqual({ active: false });
    }
  });

  test('openid-client reads it', async () => {
    const { access_token } = await world.signIn(client, 'openid orders:read');
    const config = await oidc.discovery(
      new URL(world.issuer),
      api.clientId,
      { client_secret: api.secret, introspection_signed_response_alg: 'PS256' },
      undefined,
      { execute: [oidc.allowInsecureRequests] },
    );
    expect(await oidc.tokenIntrospection(config, access_token)).toMatchObject({ active: true });
    expect(payloadOf(access_token).sub).toBe(world.person.id);
  });
});
