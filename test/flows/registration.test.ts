/** RFC 7591 and RFC 7592 over HTTP: who may register what, and what nobody may. Rows D1 to D3 and D6 to D8. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goesOnTo } from '../harness/agent.ts';
import { seedApi, seedPerson, signIn as signInOn } from '../harness/seed.ts';
import { askPort } from '../harness/two.ts';
import { authorizeQuery, freshAgent, openWorld, payloadOf, type World } from './world.ts';

type Members = Record<string, unknown>;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly json: Members;
}

const redirectUris = ['https://agent.example.com/callback'];
const good = { client_name: 'Agent', redirect_uris: redirectUris, token_endpoint_auth_method: 'none' };
const path = '/oauth2/register';

async function send(
  world: World,
  method: string,
  to: string,
  o: { body?: unknown; token?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const text = typeof o.body === 'string' ? o.body : JSON.stringify(o.body);
  const answer = await askPort(world.server.settings.port, new URL(world.issuer).host, to, {
    method,
    ...(o.body === undefined ? {} : { text }),
    headers: {
      ...(o.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(o.token ? { authorization: `Bearer ${o.token}` } : {}),
      ...o.headers,
    },
  });
  return { ...answer, json: answer.text ? (JSON.parse(answer.text) as Members) : {} };
}

const register = (world: World, body: unknown, token?: unknown) => send(world, 'POST', path, { body, token });
const pathOf = (client: Members) => `${path}/${client.client_id}`;

async function registered(world: World, more: Members = {}): Promise<Members> {
  const { status, json } = await register(world, { ...good, ...more });
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(json)}`);
  return json;
}

describe('D1 who may register', () => {
  test('D1 nobody, unless the operator says so: 404, not announced, and no row', async () => {
    const world = await openWorld('plain');
    try {
      for (const method of ['POST', 'GET', 'OPTIONS', 'PUT']) {
        const { status, json } = await send(
          world,
          method,
          path,
          method.startsWith('P') ? { body: good } : {},
        );
        expect([method, status]).toEqual([method, 404]);
        expect(json).toMatchObject({ error: 'invalid_request', reference: expect.any(String) });
      }
      expect((await send(world, 'GET', `${path}/c_x`, { token: 'x' })).status).toBe(404);
      for (const name of ['openid-configuration', 'oauth-authorization-server']) {
        const { json } = await world.ask(`/.well-known/${name}`);
        expect(json).not.toHaveProperty('registration_endpoint');
        expect(json).not.toHaveProperty('client_id_metadata_document_supported');
      }
      expect((await world.rooms.clients.list()).clients).toEqual([]);
    } finally {
      await world.close();
    }
  });

  test('D1 with an initial access token: as often as it says, however many ask at once, in two processes', async () => {
    const world = await openWorld('full', { CARDEA_REGISTRATION: 'token' });
    try {
      const other = await world.second();
      const { registrationTokens, database } = world.rooms;
      const { value, tokenId } = await registrationTokens.create({ uses: 3 }, { kind: 'operator' });
      expect((await register(world, good)).status).toBe(401);
      expect((await register(world, good, 'cardea_register_guess')).status).toBe(401);
      const all = await Promise.all(
        Array.from({ length: 12 }, (_, i) => register(i % 2 ? world : other, good, value)),
      );
      expect(all.map(({ status }) => status).sort()).toEqual([
        ...Array.from({ length: 3 }, () => 201),
        ...Array.from({ length: 9 }, () => 401),
      ]);
      expect(all.find(({ status }) => status === 401)?.headers['www-authenticate']).toMatch(/^Bearer /);
      expect((await world.rooms.clients.list()).clients).toHaveLength(3);
      expect(await registrationTokens.list()).toMatchObject([{ tokenId, uses: 3, maxUses: 3 }]);
      // A refused registration uses nothing up.
      const second = await registrationTokens.create({ uses: 1 }, { kind: 'operator' });
      expect((await register(world, { ...good, redirect_uris: [] }, second.value)).status).toBe(400);
      expect((await register(world, good, second.value)).status).toBe(201);
      // It ends by time, and by deletion.
      const third = await registrationTokens.create({ uses: 5 }, { kind: 'operator' });
      const fourth = await registrationTokens.create({ uses: 5, ttlSeconds: 60 }, { kind: 'operator' });
      await sql`update registration_tokens set expires_at = now() where token_id = ${fourth.tokenId}`.execute(
        database.db,
      );
      expect((await register(world, good, fourth.value)).status).toBe(401);
      expect((await register(world, good, third.value)).status).toBe(201);
      expect(await registrationTokens.delete(third.tokenId, { kind: 'operator' })).toBe(true);
      expect((await register(world, good, third.value)).status).toBe(401);
      await registrationTokens.sweep();
      expect((await registrationTokens.list()).map((one) => one.tokenId)).not.toContain(fourth.tokenId);
      // Hashed at rest.
      const { rows } = await sql<{ all: string }>`
        select (select string_agg(t::text, '') from registration_tokens t)
          || (select string_agg(r::text, '') from client_registrations r) as all`.execute(database.db);
      expect(rows[0]?.all).toContain(tokenId);
      expect(rows[0]?.all).not.toContain(value.slice(-20));
      const managed = all.find(({ status }) => status === 201)?.json.registration_access_token;
      expect(rows[0]?.all).not.toContain(String(managed).slice(-20));
    } finally {
      await world.close();
    }
  });

  test('D1 quotas: exactly so many in all, and so many from one network', async () => {
    const world = await openWorld('full', {
      CARDEA_REGISTRATION: 'open',
      CARDEA_REGISTRATION_MAX: '4',
      CARDEA_LIMIT_REGISTRATIONS_PER_NETWORK: '15/1h',
    });
    try {
      const other = await world.second();
      const all = await Promise.all(
        Array.from({ length: 10 }, (_, i) => register(i % 2 ? world : other, good)),
      );
      expect(all.map(({ status }) => status).sort()).toEqual([
        ...Array.from({ length: 4 }, () => 201),
        ...Array.from({ length: 6 }, () => 403),
      ]);
      expect((await world.rooms.clients.list()).clients).toHaveLength(4);
      const more = await Promise.all(Array.from({ length: 10 }, () => register(world, good)));
      const limited = more.filter(({ status }) => status === 429);
      expect(limited.length).toBeGreaterThanOrEqual(5);
      expect(limited[0]?.headers['retry-after']).toMatch(/^\d+$/);
    } finally {
      await world.close();
    }
  });
});

describe('an open registration', () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld('plain', {
      CARDEA_REGISTRATION: 'open',
      CARDEA_REGISTRATION_RESOURCES: 'https://mcp.example.com/mcp',
      CARDEA_LIMIT_REGISTRATIONS_PER_NETWORK: '1000000/1h',
    });
    await seedApi(world.rooms, 'https://mcp.example.com/mcp', { scopes: ['tools:call'] });
    await seedApi(world.rooms, 'https://inner.example.com', { scopes: ['admin', 'orders:read'] });
  });
  afterAll(() => world?.close());

  test('announces itself, and answers as RFC 7591 section 3.2.1 says', async () => {
    for (const name of ['openid-configuration', 'oauth-authorization-server']) {
      const { json } = await world.ask(`/.well-known/${name}`);
      expect(json).toMatchObject({ registration_endpoint: `${world.issuer}${path}` });
    }
    const { status, headers, json } = await register(world, {
      ...good,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid tools:call',
      software_id: 'ignored',
    });
    expect(status).toBe(201);
    expect(headers['cache-control']).toBe('no-store');
    expect(json).toMatchObject({
      client_id: expect.stringMatching(/^c_/),
      client_secret: expect.stringMatching(/^cardea_secret_/),
      client_secret_expires_at: 0,
      client_name: 'Agent',
      redirect_uris: redirectUris,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      registration_access_token: expect.any(String),
      registration_client_uri: `${world.issuer}${pathOf(json)}`,
    });
    expect(json).not.toHaveProperty('software_id');
    expect(String(json.scope).split(' ')).toEqual(expect.arrayContaining(['openid', 'tools:call']));
    expect(String(json.scope).split(' ')).not.toContain('admin');
  });

  test('what it registers works: the whole flow, for the API that is open to it, and no other', async () => {
    const json = await registered(world, { grant_types: ['authorization_code', 'refresh_token'] });
    const client = { clientId: String(json.client_id), secret: '' };
    const person = await seedPerson(world.rooms);
    const browser = world.browser(client, person, redirectUris[0]);
    const resource = 'https://mcp.example.com/mcp';
    const code = await browser.code('openid offline_access tools:call', { resource, prompt: 'consent' });
    const tokens = await world.token(
      {
        grant_type: 'authorization_code',
        code: code.code,
        code_verifier: code.verifier,
        redirect_uri: redirectUris[0] ?? '',
        resource,
      },
      client,
    );
    expect(tokens.status).toBe(200);
    expect(payloadOf(tokens.json.access_token)).toMatchObject({ aud: resource, scope: 'tools:call' });
    const again = await world.refresh(tokens.json.refresh_token, client, { resource });
    expect(payloadOf(again.json.access_token)).toMatchObject({ aud: resource });

    const asking = (change: Record<string, string | undefined>) =>
      freshAgent(world).get(
        `${world.issuer}${authorizeQuery(client, { redirect_uri: redirectUris[0], ...change })}`,
      );
    const errorOf = async (change: Record<string, string | undefined>) =>
      goesOnTo(await asking(change)).searchParams.get('error');
    expect(await errorOf({ scope: 'openid admin', resource: 'https://inner.example.com' })).toBe(
      'invalid_target',
    );
    expect(await errorOf({ scope: 'openid admin' })).toBe('invalid_target');
    expect(await errorOf({ scope: 'openid tools:call' })).toBe('invalid_target');
    expect(await errorOf({ scope: 'openid admin', resource })).toBe('invalid_scope');
    expect(await errorOf({ scope: 'openid', resource: 'cardea' })).toBe('invalid_target');
  });

  test('D2 privileged and unknown members are never stored', async () => {
    const body = `{
      "client_name": "Agent", "redirect_uris": ["https://agent.example.com/callback"],
      "token_endpoint_auth_method": "none", "client_id": "cardea", "client_secret": "mine",
      "scope": "openid admin", "require_pkce": false, "legacyWithoutPkce": true, "pkceRequired": false,
      "trusted": true, "skip_consent": true, "firstParty": true, "first_party": true, "type": "service",
      "roles": ["administrator"], "resources": ["cardea"], "defaultResource": "cardea", "profile": "none",
      "status": "active", "registered": null, "backchannel_logout_uri": "https://evil.example/",
      "jwks_uri": "https://169.254.169.254/", "sector_identifier_uri": "https://127.0.0.1/",
      "__proto__": { "firstParty": true, "redirect_uris": ["https://evil.example/"] },
      "constructor": { "prototype": { "firstParty": true } }, "toString": "x"
    }`;
    const { status, json } = await register(world, body);
    expect(status).toBe(201);
    expect(json.client_id).not.toBe('cardea');
    expect(json).not.toHaveProperty('client_secret');
    const client = await world.rooms.clients.get(String(json.client_id));
    expect(client).toMatchObject({
      registered: 'dynamic',
      firstParty: false,
      pkceRequired: true,
      type: 'spa',
      scopes: [],
      resources: [],
      redirectUris,
      grantTypes: ['authorization_code'],
    });
    expect(Object.keys(client).sort()).toEqual(
      [
        'authMethod',
        'clientId',
        'createdAt',
        'firstParty',
        'grantTypes',
        'idTokenAlg',
        'name',
        'pkceRequired',
        'postLogoutRedirectUris',
        'redirectUris',
        'registered',
        'resources',
        'responseTypes',
        'scopes',
        'secretsVersion',
        'status',
        'type',
        'updatedAt',
      ].sort(),
    );
    expect(await world.rooms.roles.ofClient(client.clientId)).toEqual([]);
    expect(({} as Members).firstParty).toBeUndefined();
  });

  test.each([
    [{ grant_types: ['client_credentials'] }, 'invalid_client_metadata'],
    [{ grant_types: ['implicit'] }, 'invalid_client_metadata'],
    [{ grant_types: 'authorization_code' }, 'invalid_client_metadata'],
    [{ grant_types: ['__proto__'] }, 'invalid_client_metadata'],
    [{ response_types: ['token'] }, 'invalid_client_metadata'],
    [{ token_endpoint_auth_method: 'client_secret_jwt' }, 'invalid_client_metadata'],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata'],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://agent.example.com/jwks' },
      'invalid_client_metadata',
    ],
    [{ id_token_signed_response_alg: 'none' }, 'invalid_client_metadata'],
    [{ id_token_signed_response_alg: 'HS256' }, 'invalid_client_metadata'],
    [{ jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }, 'invalid_client_metadata'],
    [{ redirect_uris: undefined }, 'invalid_redirect_uri'],
    [{ redirect_uris: [] }, 'invalid_redirect_uri'],
    [{ redirect_uris: 'https://agent.example.com/callback' }, 'invalid_redirect_uri'],
    [{ redirect_uris: [{}] }, 'invalid_redirect_uri'],
    [
      { redirect_uris: Array.from({ length: 51 }, (_, i) => `https://a.example/${i}`) },
      'invalid_redirect_uri',
    ],
  ])('D2 %j: %s', async (change, error) => {
    const { status, json } = await register(world, { ...good, ...change });
    expect([status, json.error]).toEqual([400, error]);
    expect(json.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    expect(json.reference).toEqual(expect.any(String));
  });

  test.each([
    'http://a.example/cb',
    'http://a.example:8080/cb',
    'http://10.0.0.1/cb',
    'http://localhost.evil.example/cb',
    'http://127.0.0.1.nip.io/cb',
    'http://[::2]/cb',
    'https://a.example/cb#fragment',
    'https://user@a.example/cb',
    'https://*.example/cb',
    'https://a.example/cb?code=x',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'cursor://callback',
    '/cb',
  ])('D3 %s as a redirect URI is refused', async (uri) => {
    const { status, json } = await register(world, { ...good, redirect_uris: [uri] });
    expect([status, json.error]).toEqual([400, 'invalid_redirect_uri']);
  });

  test.each([
    ['http://127.0.0.1:33418/cb', 'native'],
    ['http://localhost/cb', 'native'],
    ['http://[::1]:1/cb', 'native'],
    ['com.example.agent:/cb', 'native'],
    ['https://a.example/cb', 'web'],
  ])('D3 %s is accepted for a %s app', async (uri, kind) => {
    const json = await registered(world, { redirect_uris: [uri] });
    expect(json).toMatchObject({ application_type: kind, token_endpoint_auth_method: 'none' });
  });

  test('D3 an app with a scheme of its own keeps no secret, whatever it asks for', async () => {
    const json = await registered(world, {
      redirect_uris: ['com.example.agent:/cb'],
      token_endpoint_auth_method: 'client_secret_post',
    });
    expect(json).toMatchObject({ application_type: 'native', token_endpoint_auth_method: 'none' });
    expect(json).not.toHaveProperty('client_secret');
  });

  test.each(['logo_uri', 'policy_uri', 'tos_uri', 'client_uri'])(
    'D6 %s: https or refused',
    async (member) => {
      for (const uri of [
        'javascript:alert(1)',
        'data:image/svg+xml,<svg onload=alert(1)>',
        'http://a.example/x.svg',
        'https://a.example/"><script>',
        '//a.example/x',
        7,
      ]) {
        const { status, json } = await register(world, { ...good, [member]: uri });
        expect([uri, status, json.error]).toEqual([uri, 400, 'invalid_client_metadata']);
      }
      expect(await registered(world, { [member]: 'https://a.example/x.svg' })).toHaveProperty(member);
    },
  );

  test('D6 the logo of a client that nobody vouches for is not loaded by a person’s browser', async () => {
    const json = await registered(world, {
      logo_uri: 'https://tracker.example/x.svg',
      policy_uri: 'https://agent.example.com/privacy',
    });
    const client = { clientId: String(json.client_id) };
    const agent = freshAgent(world);
    const start = `${world.issuer}${authorizeQuery(client, { redirect_uri: redirectUris[0] })}`;
    const page = await agent.follow(await agent.get(start));
    expect(page.status).toBe(200);
    expect(page.text).not.toContain('tracker.example');
    expect(page.headers.get('content-security-policy')).not.toContain('tracker.example');
    expect(page.text).toContain('href="https://agent.example.com/privacy" rel="noopener noreferrer"');
  });

  test.each([
    ['control characters', 'Good\u0000Agent'],
    ['line ends', 'Good\nAgent'],
    ['a right-to-left override', 'Orders \u202egnp.exe'],
    ['an isolate', 'Orders\u2066x'],
    ['invisible letters', 'Goo\u200bgle'],
    ['10 kB', 'A'.repeat(10_000)],
    ['101 characters', 'A'.repeat(101)],
    ['no letters', '   '],
    ['no text', { en: 'Agent' }],
  ])('D7 a name with %s is refused', async (_what, name) => {
    const { status, json } = await register(world, { ...good, client_name: name });
    expect([status, json.error]).toEqual([400, 'invalid_client_metadata']);
  });

  test('D7 a name is escaped, and a brand’s name stands beside a mark and the place that it leads to', async () => {
    for (const name of ['<img src=x onerror=alert(1)>', 'Google']) {
      const json = await registered(world, { client_name: name });
      const client = { clientId: String(json.client_id), secret: '' };
      const browser = world.browser(client, await seedPerson(world.rooms), redirectUris[0]);
      const start = `${world.issuer}${authorizeQuery(client, { redirect_uri: redirectUris[0] })}`;
      const signIn = await browser.agent.follow(await browser.agent.get(start));
      expect(signIn.text).not.toContain('<img src=x');
      const consent = await signInOn(browser.agent, signIn, world.person);
      expect(consent.text).not.toContain('<img src=x');
      expect(consent.text).toContain('Unverified');
      expect(consent.text).toContain('agent.example.com');
      expect(consent.text).toContain('Nobody has checked who runs');
    }
  });

  describe('D8 the registration access token', () => {
    test('D8 reads, without the secret', async () => {
      const made = await registered(world, { token_endpoint_auth_method: 'client_secret_basic' });
      const { registration_access_token: token, client_secret: secret, ...described } = made;
      const read = await send(world, 'GET', pathOf(made), { token });
      expect(read.status).toBe(200);
      expect(read.json).toEqual({ ...described, registration_access_token: token });
      expect(JSON.stringify(read.json)).not.toContain(String(secret));
    });

    test('D8 of one client opens no other one, and nothing else does', async () => {
      const one = await registered(world);
      const two = await registered(world);
      for (const method of ['GET', 'PUT', 'DELETE']) {
        for (const token of [
          one.registration_access_token,
          'cardea_manage_x',
          undefined,
          'x'.repeat(5_000),
        ]) {
          const body = method === 'PUT' ? { ...good, client_id: two.client_id } : undefined;
          const { status, json, headers } = await send(world, method, pathOf(two), { token, body });
          expect([method, status, json.error]).toEqual([method, 401, 'invalid_token']);
          expect(headers['www-authenticate']).toMatch(/^Bearer /);
        }
      }
      expect(
        (await send(world, 'GET', `${path}/c_unknown`, { token: one.registration_access_token })).status,
      ).toBe(401);
      // The token of the other one is unharmed by having been tried.
      expect((await send(world, 'GET', pathOf(one), { token: one.registration_access_token })).status).toBe(
        200,
      );
      expect((await send(world, 'GET', pathOf(two), { token: two.registration_access_token })).status).toBe(
        200,
      );
    });

    test('D8 is rotated by an update, which replaces everything', async () => {
      const made = await registered(world, {
        token_endpoint_auth_method: 'client_secret_post',
        tos_uri: 'https://agent.example.com/terms',
      });
      const token = made.registration_access_token;
      const body = {
        client_id: made.client_id,
        client_secret: made.client_secret,
        client_name: 'New name',
        redirect_uris: ['https://agent.example.com/other'],
        token_endpoint_auth_method: 'client_secret_post',
      };
      const changed = await send(world, 'PUT', pathOf(made), { token, body });
      expect(changed.status).toBe(200);
      expect(changed.json).toMatchObject({
        client_id: made.client_id,
        client_name: 'New name',
        redirect_uris: ['https://agent.example.com/other'],
      });
      expect(changed.json).not.toHaveProperty('tos_uri');
      expect(changed.json).not.toHaveProperty('client_secret');
      const next = changed.json.registration_access_token;
      expect(next).not.toBe(token);
      expect((await send(world, 'GET', pathOf(made), { token })).status).toBe(401);
      expect((await send(world, 'GET', pathOf(made), { token: next })).json).toMatchObject({
        client_name: 'New name',
      });
    });

    test('D8 two updates at once: one wins, the other one’s token is spent', async () => {
      const made = await registered(world);
      const body = { ...good, client_id: made.client_id };
      const both = await Promise.all(
        Array.from({ length: 6 }, () =>
          send(world, 'PUT', pathOf(made), { token: made.registration_access_token, body }),
        ),
      );
      expect(both.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401, 401]);
    });

    test.each([
      ['no client_id', { client_id: undefined }],
      ['another client_id', { client_id: 'c_other' }],
      ['a wrong secret', { client_secret: 'cardea_secret_wrong' }],
      ['its own token', { registration_access_token: 'x' }],
      ['its own address', { registration_client_uri: 'x' }],
      ['its own date', { client_id_issued_at: 1 }],
      ['its own expiry', { client_secret_expires_at: 1 }],
      ['another kind of client', { redirect_uris: ['http://127.0.0.1/cb'] }],
      ['http', { redirect_uris: ['http://a.example/cb'] }],
    ])('D8 an update with %s is refused, and the token stays', async (_what, change) => {
      const made = await registered(world);
      const token = made.registration_access_token;
      const body = { ...good, client_id: made.client_id, client_name: 'Changed', ...change };
      const { status, json } = await send(world, 'PUT', pathOf(made), { token, body });
      expect(status).toBe(400);
      expect(json.error).toMatch(/^invalid_(client_metadata|redirect_uri)$/);
      const read = await send(world, 'GET', pathOf(made), { token });
      expect([read.status, read.json.client_name]).toEqual([200, 'Agent']);
    });

    test('D8 deletes: everything that was issued has ended', async () => {
      const made = await registered(world, { grant_types: ['authorization_code', 'refresh_token'] });
      const client = { clientId: String(made.client_id), secret: '' };
      const browser = world.browser(client, world.person, redirectUris[0]);
      const code = await browser.code('openid offline_access', { prompt: 'consent' });
      const { json: tokens } = await world.redeem(code, client, redirectUris[0]);
      expect((await world.userinfo(tokens.access_token)).status).toBe(200);
      const token = made.registration_access_token;
      expect((await send(world, 'DELETE', pathOf(made), { token })).status).toBe(204);
      expect((await send(world, 'DELETE', pathOf(made), { token })).status).toBe(401);
      await world.rooms.lease.renew();
      expect((await world.refresh(tokens.refresh_token, client)).status).toBe(401);
      expect((await world.userinfo(tokens.access_token)).status).toBe(401);
    });

    test('D8 does nothing while the client is disabled, and nothing after an operator has changed it', async () => {
      const made = await registered(world);
      const id = String(made.client_id);
      const token = made.registration_access_token;
      await world.rooms.clients.disable(id, { kind: 'operator' });
      expect((await send(world, 'GET', pathOf(made), { token })).status).toBe(401);
      await world.rooms.clients.enable(id, { kind: 'operator' });
      expect((await send(world, 'GET', pathOf(made), { token })).status).toBe(200);
      const cut = await world.rooms.clients.update(id, { scopes: ['openid'] }, { kind: 'operator' });
      expect(cut.kind).toBe('updated');
      const body = { ...good, client_id: id };
      expect((await send(world, 'PUT', pathOf(made), { token, body })).status).toBe(401);
      expect((await world.rooms.clients.get(id)).scopes).toEqual(['openid']);
    });
  });

  test('consent: of an https app once, and then it may ask in silence; of an app on the device each time', async () => {
    for (const [callback, silent] of [
      [redirectUris[0] ?? '', true],
      ['http://localhost:4711/cb', false],
      ['com.example.agent:/cb', false],
    ] as const) {
      const made = await registered(world, { redirect_uris: [callback] });
      const client = { clientId: String(made.client_id), secret: '' };
      const browser = world.browser(client, await seedPerson(world.rooms), callback);
      const query = (more: Record<string, string>) =>
        `${world.issuer}${authorizeQuery(client, { redirect_uri: callback, ...more })}`;
      const unasked = await browser.agent.get(query({ prompt: 'none' }));
      expect(goesOnTo(unasked).searchParams.get('error')).toBe('login_required');
      await browser.code('openid');
      const again = await browser.agent.get(query({ prompt: 'none' }));
      const answer = new URL(again.location ?? '').searchParams;
      if (silent) expect(answer.get('code')).toBeTruthy();
      else expect(answer.get('error')).toBe('interaction_required');
      // Another API, or none of its scopes, is a question of its own.
      const other = await browser.agent.get(
        query({ prompt: 'none', resource: 'https://mcp.example.com/mcp' }),
      );
      expect(new URL(other.location ?? '').searchParams.get('error')).toMatch(/_required$/);
    }
  });

  test('an operator cannot make it a first party, nor lift PKCE', async () => {
    const { client_id: id } = await registered(world);
    for (const patch of [{ firstParty: true }, { legacyWithoutPkce: true }]) {
      expect((await world.rooms.clients.update(String(id), patch, { kind: 'operator' })).kind).toBe('faults');
    }
  });

  test('hostile bodies get an answer in the RFC’s shape', async () => {
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    for (const [body, status] of [
      ['', 400],
      ['{', 400],
      ['[]', 400],
      ['null', 400],
      ['"text"', 400],
      [deep, 400],
      ['x'.repeat(70_000), 413],
    ] as const) {
      const answer = await register(world, body);
      expect([body.slice(0, 5), answer.status]).toEqual([body.slice(0, 5), status]);
      expect(answer.json).toMatchObject({ error: expect.any(String), error_description: expect.any(String) });
    }
    const form = await send(world, 'POST', path, {
      body: 'a=b',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(form.status).toBe(415);
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const { status, headers } = await send(world, method, path);
      expect([status, headers.allow]).toEqual([405, 'POST']);
    }
  });

  test('a browser app of any origin may register', async () => {
    const headers = { origin: 'https://inspector.example', 'access-control-request-method': 'POST' };
    const preflight = await send(world, 'OPTIONS', path, { headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe('*');
    expect(preflight.headers['access-control-allow-methods']).toBe('POST');
    const made = await send(world, 'POST', path, { body: good, headers: { origin: headers.origin } });
    expect([made.status, made.headers['access-control-allow-origin']]).toEqual([201, '*']);
  });

  test('the audit tells how a client came', async () => {
    const { client_id: clientId } = await registered(world);
    const { rows } = await sql<{ type: string; detail: Members; actor_kind: string }>`
      select * from audit_events where client_id = ${String(clientId)}`.execute(world.rooms.database.db);
    expect(rows).toMatchObject([
      { type: 'client.created', detail: { registered: 'dynamic', firstParty: false } },
    ]);
  });

  test('unused clients go: never used sooner, used later, and what an operator registered never', async () => {
    const { db } = world.rooms.database;
    const kept = await registered(world);
    const never = await registered(world);
    const idle = await registered(world);
    const used = await registered(world);
    const at = (days: number) => new Date(Date.now() - days * 86_400_000);
    const date = (client: Members, created: Date, lastUsed: Date | null) =>
      sql`update client_registrations set created_at = ${created}, last_used_at = ${lastUsed}
        where client_id = ${String(client.client_id)}`.execute(db);
    await date(kept, at(6), null);
    await date(never, at(8), null);
    await date(idle, at(400), at(91));
    await date(used, at(400), at(89));
    expect(await world.rooms.registrations.sweep()).toBe(2);
    const there = async ({ client_id: id }: Members) => Boolean(await world.rooms.clients.find(String(id)));
    expect([await there(kept), await there(never), await there(idle), await there(used)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(await world.rooms.registrations.sweep()).toBe(0);
  });
});
