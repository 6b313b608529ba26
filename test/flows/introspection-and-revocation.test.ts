/** RFC 7662, RFC 7009: who may look at a token, who may end it, and what goes with it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SeededClient, seedApi, seedClient, seedWebClient } from '../harness/seed.ts';
import { everySetup, openWorld, type Wire, type World } from './world.ts';

describe.each(everySetup)('introspection and revocation with %s: %s', (setup) => {
  const inactive = { active: false };
  let world: World;
  let app: SeededClient;
  let apiClient: SeededClient;
  let stranger: SeededClient;
  let spa: SeededClient;
  let service: SeededClient;
  let plain: Wire;
  let jwt: Wire;
  let opaque: Wire;

  beforeAll(async () => {
    world = await openWorld(setup);
    apiClient = await seedClient(world.rooms, { name: 'API', type: 'service' });
    const introspectionClientId = apiClient.clientId;
    await seedApi(world.rooms, 'https://api.example.com', { introspectionClientId });
    await seedApi(world.rooms, 'https://box.example.com', {
      introspectionClientId,
      scopes: ['box:open'],
      tokenFormat: 'opaque',
    });
    app = await seedWebClient(world.rooms, { firstParty: true });
    stranger = await seedWebClient(world.rooms, { firstParty: true });
    spa = await seedClient(world.rooms, { name: 'Tab', type: 'spa', redirectUris: ['https://a.example/cb'] });
    service = await seedClient(world.rooms, {
      name: 'Billing',
      type: 'service',
      resources: ['https://api.example.com', 'https://box.example.com'],
    });
    plain = await world.signIn(app, 'openid profile offline_access');
    jwt = await world.signIn(app, 'openid offline_access orders:read');
    opaque = await world.signIn(app, 'openid offline_access box:open');
  });
  afterAll(() => world?.close());

  const look = async (token: string, client: SeededClient) => (await world.introspect(token, client)).json;

  test('T23 the token’s own client and the client of its API see it; nobody else does', async () => {
    const tokens: [string, string, SeededClient[]][] = [
      ['for userinfo', plain.access_token, [app]],
      ['a refresh token', plain.refresh_token, [app]],
      ['a JWT', jwt.access_token, [app, apiClient]],
      ['opaque for an API', opaque.access_token, [app, apiClient]],
    ];
    for (const [name, token, allowed] of tokens) {
      for (const client of [app, apiClient, stranger]) {
        const seen = await look(token, client);
        if (allowed.includes(client)) expect(seen, name).toMatchObject({ active: true });
        else expect(seen, name).toEqual(inactive);
      }
    }
  });

  test('T23 what is told: claims of RFC 7662, nothing of ours', async () => {
    expect(opaque.access_token.split('.')).toHaveLength(1);
    for (const [token, scope, aud] of [
      [jwt.access_token, 'orders:read', 'https://api.example.com'],
      [opaque.access_token, 'box:open', 'https://box.example.com'],
    ] as const) {
      const seen = await look(token, apiClient);
      expect(seen).toMatchObject({
        active: true,
        scope,
        aud,
        client_id: app.clientId,
        sub: world.person.id,
        iss: world.issuer,
        token_type: 'Bearer',
        exp: expect.any(Number),
        iat: expect.any(Number),
      });
      expect(seen).not.toHaveProperty('gid');
      expect(JSON.stringify(seen)).not.toContain(token);
    }
  });

  test('T23 without credentials, or with wrong ones: 401; a public client: nothing', async () => {
    const form = { token: jwt.access_token };
    for (const client of [undefined, { ...app, secret: 'wrong' }]) {
      const { status, json } = await world.ask('/oauth2/introspect', { form, client });
      expect([400, 401]).toContain(status);
      expect(json.active).toBeUndefined();
    }
    const asPublic = await world.introspect(jwt.access_token, spa);
    if (asPublic.status === 200) expect(asPublic.json).toEqual(inactive);
    else expect(asPublic.status).toBeGreaterThanOrEqual(400);
  });

  test('T23 a wrong hint changes nothing', async () => {
    for (const [token, hint] of [
      [plain.access_token, 'refresh_token'],
      [plain.refresh_token, 'access_token'],
      [plain.refresh_token, 'nonsense'],
      [jwt.access_token, 'refresh_token'],
    ] as const) {
      const form = { token, token_type_hint: hint };
      const { json } = await world.ask('/oauth2/introspect', { form, client: app });
      expect(json.active).toBe(true);
    }
  });

  test('a service’s token, JWT and opaque: seen by its API, revoked by the service alone', async () => {
    for (const scope of ['orders:read', 'box:open']) {
      const { json } = await world.token({ grant_type: 'client_credentials', scope }, service);
      expect(await look(json.access_token, apiClient)).toMatchObject({ active: true, scope });
      expect(await look(json.access_token, stranger)).toEqual(inactive);
      await world.revoke(json.access_token, stranger);
      expect((await look(json.access_token, apiClient)).active).toBe(true);
      expect((await world.revoke(json.access_token, service)).status).toBe(200);
      expect(await look(json.access_token, apiClient)).toEqual(inactive);
    }
  });

  test('T24 another client’s token is not revoked', async () => {
    for (const token of [plain.refresh_token, plain.access_token, jwt.access_token, opaque.access_token]) {
      for (const other of [stranger, apiClient, spa]) {
        const { status, json } = await world.revoke(token, other);
        expect([status, json.error]).toEqual([400, 'invalid_request']);
      }
      expect((await look(token, app)).active).toBe(true);
    }
  });

  test('T24 an unknown token is revoked already: 200; without credentials nothing is', async () => {
    for (const token of ['nothing', 'a.b.c', 'x'.repeat(5_000)]) {
      expect((await world.revoke(token, app)).status).toBe(200);
    }
    const { status } = await world.ask('/oauth2/revoke', { form: { token: plain.refresh_token } });
    expect([400, 401]).toContain(status);
    expect((await look(plain.refresh_token, app)).active).toBe(true);
  });

  test('T24 an access token, JWT or opaque, goes alone; a refresh token takes its family', async () => {
    for (const scope of ['openid offline_access', 'offline_access orders:read', 'offline_access box:open']) {
      const first = await world.signIn(app, `openid ${scope}`);
      expect((await world.revoke(first.access_token, app)).status).toBe(200);
      expect(await look(first.access_token, app)).toEqual(inactive);
      const next = await world.refresh(first.refresh_token, app);
      expect(next.status, next.text).toBe(200);
      expect((await look(next.json.access_token, app)).active).toBe(true);

      expect((await world.revoke(next.json.refresh_token, app)).status).toBe(200);
      expect(await look(next.json.access_token, app)).toEqual(inactive);
      expect((await world.refresh(next.json.refresh_token, app)).json.error).toBe('invalid_grant');
    }
  });

  test('T24 a used refresh token revokes its family too', async () => {
    const first = await world.signIn(app, 'openid offline_access');
    const next = (await world.refresh(first.refresh_token, app)).json;
    expect((await world.revoke(first.refresh_token, app)).status).toBe(200);
    expect((await world.refresh(next.refresh_token, app)).json.error).toBe('invalid_grant');
  });

  test('a revocation is audited', async () => {
    const { refresh_token } = await world.signIn(app, 'openid offline_access');
    await world.revoke(refresh_token, app);
    await world.rooms.audit.flush();
    const { events } = await world.rooms.audit.search({ clientId: app.clientId, type: 'token.revoked' });
    expect(events[0]).toMatchObject({ accountId: world.person.id, detail: { token: 'refresh_token' } });
  });
});
