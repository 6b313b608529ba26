/** OpenID Connect Discovery section 4, RFC 8414 section 3: what the documents say, and that nobody can poison them. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seedWebClient } from '../harness/seed.ts';
import { authorizeQuery, openWorld, type World } from './world.ts';

const documents = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];
let world: World;

beforeAll(async () => {
  world = await openWorld('full');
});
afterAll(() => world?.close());

const read = async (path: string) => JSON.parse((await world.ask(path)).text) as Record<string, unknown>;

/** Every text in a document that is an address. */
const addresses = (document: unknown): string[] =>
  typeof document === 'string'
    ? /^https?:/.test(document)
      ? [document]
      : []
    : Object.values((document ?? {}) as object).flatMap(addresses);

describe.each(documents)('%s', (path) => {
  test('says what there is, and only that', async () => {
    const document = await read(path);
    const { issuer } = world;
    expect(document).toMatchObject({
      issuer,
      authorization_endpoint: `${issuer}/oauth2/authorize`,
      token_endpoint: `${issuer}/oauth2/token`,
      userinfo_endpoint: `${issuer}/oauth2/userinfo`,
      jwks_uri: `${issuer}/oauth2/jwks`,
      introspection_endpoint: `${issuer}/oauth2/introspect`,
      revocation_endpoint: `${issuer}/oauth2/revoke`,
      end_session_endpoint: `${issuer}/oauth2/logout`,
      response_types_supported: ['code', 'none'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      claims_parameter_supported: true,
      pushed_authorization_request_endpoint: `${issuer}/oauth2/par`,
      device_authorization_endpoint: `${issuer}/oauth2/device_authorization`,
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      request_parameter_supported: true,
      request_uri_parameter_supported: false,
    });
    const list = (name: string) => document[name] as string[];
    expect([...list('grant_types_supported')].sort()).toEqual([
      'authorization_code',
      'client_credentials',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ]);
    expect(list('scopes_supported')).toEqual(
      expect.arrayContaining(['openid', 'profile', 'email', 'offline_access', 'roles']),
    );
    expect([...list('response_modes_supported')].sort()).toEqual([
      ...['form_post', 'form_post.jwt', 'fragment', 'fragment.jwt'],
      ...['jwt', 'query', 'query.jwt'],
    ]);
    const algorithms = [
      ...list('id_token_signing_alg_values_supported'),
      ...list('token_endpoint_auth_signing_alg_values_supported'),
      ...list('request_object_signing_alg_values_supported'),
      ...list('authorization_signing_alg_values_supported'),
      ...list('introspection_signing_alg_values_supported'),
      ...list('userinfo_signing_alg_values_supported'),
      ...list('dpop_signing_alg_values_supported'),
    ];
    for (const alg of algorithms) expect(alg).not.toMatch(/^(?:none|HS)/);
  });

  test('may be kept, has a tag, and answers 304 to it', async () => {
    const { headers } = await world.ask(path);
    expect(headers['cache-control']).toMatch(/^public, max-age=\d+$/);
    expect(headers.etag).toBeTruthy();
    expect(headers['content-type']).toContain('application/json');
    const again = await world.ask(path, { headers: { 'if-none-match': String(headers.etag) } });
    expect([again.status, again.text]).toEqual([304, '']);
    const head = await world.ask(path, { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
  });

  test('every address in it answers', async () => {
    for (const address of addresses(await read(path))) {
      expect(address.startsWith(world.issuer)).toBe(true);
      const { status } = await world.ask(address.slice(world.issuer.length) || '/');
      if (address.endsWith('/token') || /introspect|revoke|par$|device_authorization$/.test(address))
        expect(status).toBe(404);
      else expect(status, address).not.toBe(404);
    }
  });

  test.each([
    ['X-Forwarded-Host', { 'x-forwarded-host': 'evil.com' }],
    ['X-Forwarded-Proto', { 'x-forwarded-proto': 'gopher', 'x-forwarded-port': '1' }],
    ['Forwarded', { forwarded: 'host=evil.com;proto=https' }],
    ['X-Original-URL', { 'x-original-url': 'https://evil.com/', 'x-host': 'evil.com' }],
  ])('D10 %s changes nothing', async (_name, headers) => {
    expect((await world.ask(path, { headers })).text).toBe((await world.ask(path)).text);
  });

  test('D10 a foreign Host: 421, and nothing of it is kept for the next one', async () => {
    const before = (await world.ask(path)).text;
    for (const host of ['evil.com', 'localhost.evil.com', 'localhost:1', '', 'evil.com, localhost']) {
      const { status, text } = await world.ask(path, { headers: { host } });
      expect([400, 421], host).toContain(status);
      expect(text).not.toContain('evil.com');
    }
    expect((await world.ask(path)).text).toBe(before);
  });

  test('D10 an absolute request line for another host: 421', async () => {
    const { host } = new URL(world.issuer);
    const status = await new Promise((resolve, reject) => {
      const options = {
        port: world.server.settings.port,
        host: '127.0.0.1',
        path: `http://evil.com${path}`,
        headers: { host },
      };
      request(options, (answer) => resolve(answer.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(421);
  });
});

test('D10 no redirect, cookie or page takes its address from the request', async () => {
  const client = await seedWebClient(world.rooms);
  const headers = { 'x-forwarded-host': 'evil.com', 'x-forwarded-proto': 'https', accept: 'text/html' };
  for (const path of [authorizeQuery(client), '/oauth2/logout', '/']) {
    const answer = await world.ask(path, { headers });
    expect(JSON.stringify(answer.headers) + answer.text).not.toContain('evil.com');
  }
});

describe('D11 JWKS', () => {
  test('public members only, no symmetric keys, RSA of at least 2048 bits, distinct key ids', async () => {
    const { keys } = (await read('/oauth2/jwks')) as { keys: Record<string, string>[] };
    expect(keys.map(({ alg }) => alg)).toEqual(expect.arrayContaining(['ES256', 'RS256']));
    for (const key of keys) {
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])
        expect(key).not.toHaveProperty(secret);
      expect(['EC', 'RSA', 'OKP']).toContain(key.kty);
      expect(key.use).toBe('sig');
      if (key.kty === 'RSA') expect(Buffer.from(key.n ?? '', 'base64url').length).toBeGreaterThanOrEqual(256);
    }
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
  });

  test('may be kept as long as a new key is published before it signs', async () => {
    const { headers } = await world.ask('/oauth2/jwks');
    const { jwksCache, signingKeyPublish } = world.server.settings.lifetimes;
    expect(headers['cache-control']).toBe(`public, max-age=${jwksCache}`);
    expect(jwksCache).toBeLessThanOrEqual(signingKeyPublish);
    const again = await world.ask('/oauth2/jwks', { headers: { 'if-none-match': String(headers.etag) } });
    expect(again.status).toBe(304);
  });
});
