/** RFC 8693: an API exchanges a person's token for one for the next API, and never for more than it was given. */
import { randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXCHANGE_GRANT } from '../../src/clients/client-types.ts';
import { type SeededClient, seedApi, seedClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { everySetup, openWorld, payloadOf, type World } from './world.ts';

const ACCESS = 'urn:ietf:params:oauth:token-type:access_token';
const operator = { kind: 'operator' } as const;
const orders = 'https://orders.example.com';
const stock = 'https://stock.example.com';

describe.each(everySetup)('token exchange with %s: %s', (setup) => {
  let world: World;
  let second: World;
  let web: SeededClient;
  let gateway: SeededClient;
  let warehouse: SeededClient;
  let stranger: SeededClient;

  beforeAll(async () => {
    world = await openWorld(setup);
    second = setup === 'embedded' ? world : await world.second();
    const { rooms } = world;
    gateway = await seedClient(rooms, {
      name: 'Orders API',
      type: 'service',
      resources: [orders],
      exchange: [{ audience: stock, mode: 'both' }],
    });
    warehouse = await seedClient(rooms, {
      name: 'Stock API',
      type: 'service',
      exchange: [{ audience: stock, mode: 'delegation' }],
    });
    stranger = await seedClient(rooms, {
      name: 'Stranger',
      type: 'service',
      exchange: [{ audience: stock, mode: 'impersonation' }],
    });
    await seedApi(rooms, orders, {
      scopes: ['goods:read', 'goods:write', 'orders:read'],
      introspectionClientId: gateway.clientId,
    });
    await seedApi(rooms, stock, {
      scopes: ['goods:read', 'goods:write', 'stock:count'],
      introspectionClientId: warehouse.clientId,
    });
    web = await seedWebClient(rooms, { firstParty: true, resources: [orders] });
  });
  afterAll(() => world?.close());

  const subject = async (scope = 'openid offline_access orders:read goods:read goods:write') =>
    world.signIn(web, scope, { resource: orders });
  const exchange = (token: string, more: Record<string, string> = {}, client = gateway, at = world) =>
    at.token(
      {
        grant_type: EXCHANGE_GRANT,
        subject_token: token,
        subject_token_type: ACCESS,
        resource: stock,
        ...more,
      },
      client,
    );
  const refused = async (asked: ReturnType<typeof exchange>, error: string, said?: RegExp) => {
    const { status, json, text } = await asked;
    expect([status, json.error], text).toEqual([400, error]);
    if (said) expect(json.error_description).toMatch(said);
  };

  test('impersonation: the person’s token for the next API, no wider and no longer', async () => {
    const { access_token } = await subject();
    const { status, json, text } = await exchange(access_token, {}, gateway, second);
    expect(status, text).toBe(200);
    expect(json).toMatchObject({
      issued_token_type: ACCESS,
      token_type: 'Bearer',
      scope: 'goods:read goods:write',
    });
    expect(json.refresh_token ?? json.id_token).toBeUndefined();
    const [before, after] = [payloadOf(access_token), payloadOf(json.access_token)];
    expect(after).toMatchObject({
      aud: stock,
      sub: world.person.id,
      client_id: gateway.clientId,
      auth_time: before.auth_time,
    });
    expect(after.act).toBeUndefined();
    expect(Number(after.exp)).toBeLessThanOrEqual(Number(before.exp));
    expect((await world.introspect(json.access_token, warehouse)).json).toMatchObject({
      active: true,
      sub: world.person.id,
    });
    const narrow = await exchange(access_token, { scope: 'goods:read' });
    expect(payloadOf(narrow.json.access_token).scope).toBe('goods:read');
  });

  test('delegation: act names who acts, the newest outside, and introspection shows it', async () => {
    const { access_token } = await subject();
    const own = await ownToken();
    const first = await exchange(access_token, { actor_token: own, actor_token_type: ACCESS });
    expect(first.status, first.text).toBe(200);
    expect(payloadOf(first.json.access_token).act).toEqual({ sub: gateway.clientId });
    const next = await exchange(first.json.access_token, {}, warehouse);
    expect(next.status, next.text).toBe(200);
    const act = { sub: warehouse.clientId, act: { sub: gateway.clientId } };
    expect(payloadOf(next.json.access_token).act).toEqual(act);
    expect((await world.introspect(next.json.access_token, warehouse)).json).toMatchObject({ act });
  });

  /** The gateway's own token: what it acts by. */
  async function ownToken(): Promise<string> {
    const { json } = await world.token({ grant_type: 'client_credentials' }, gateway);
    return json.access_token;
  }

  test('T25 oversize, foreign, forged, of another kind, or nonsense: invalid_request', async () => {
    const { access_token, id_token, refresh_token } = await subject();
    const { privateKey } = await generateKeyPair('ES256');
    const foreign = await new SignJWT({ scope: 'goods:read', client_id: gateway.clientId, jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
      .setIssuer('https://evil.example')
      .setSubject(world.person.id)
      .setAudience(orders)
      .setExpirationTime('5m')
      .sign(privateKey);
    const [header, , signature] = access_token.split('.');
    const changed = Buffer.from(JSON.stringify({ ...payloadOf(access_token), scope: 'goods:write' }));
    for (const token of [
      `${access_token}${'x'.repeat(9_000)}`,
      'x'.repeat(20_000),
      foreign,
      `${header}.${changed.toString('base64url')}.${signature}`,
      `${header}.${access_token.split('.')[1]}.`,
      id_token,
      refresh_token,
      'A'.repeat(44),
      'nonsense',
    ]) {
      await refused(exchange(token), 'invalid_request');
    }
    const idType = 'urn:ietf:params:oauth:token-type:id_token';
    await refused(
      exchange(id_token, { subject_token_type: idType }),
      'invalid_request',
      /subject_token_type/,
    );
    const wanted = 'urn:ietf:params:oauth:token-type:refresh_token';
    await refused(exchange(access_token, { requested_token_type: wanted }), 'invalid_request');
    await refused(exchange(access_token, { actor_token: access_token }), 'invalid_request', /come together/);
    const own = await ownToken();
    await refused(exchange(own), 'invalid_request', /no person/);
  });

  test('T25 another audience, another client’s token, no policy: refused', async () => {
    const { access_token } = await subject();
    await refused(exchange(access_token, { resource: orders }), 'invalid_target', /may not exchange/);
    await refused(exchange(access_token, { resource: 'https://nobody.example' }), 'invalid_target');
    await refused(exchange(access_token, { audience: orders }), 'invalid_target', /name one/);
    // Its own audience is the orders API: neither the next API nor a stranger may exchange it.
    await refused(exchange(access_token, {}, warehouse), 'invalid_request', /another API/);
    await refused(exchange(access_token, {}, stranger), 'invalid_request', /another API/);
    await refused(exchange(access_token, {}, web), 'unauthorized_client');
    const opaque = await world.signIn(web, 'openid');
    await refused(exchange(opaque.access_token), 'invalid_request', /another client/);
  });

  test('T25 scopes: never wider than the subject token, nor than the API', async () => {
    const { access_token } = await subject('openid goods:read');
    for (const scope of ['goods:write', 'stock:count', 'orders:read', 'openid', 'goods:read goods:write']) {
      await refused(exchange(access_token, { scope }), 'invalid_scope');
    }
    const { json } = await exchange(access_token);
    expect(payloadOf(json.access_token).scope).toBe('goods:read');
  });

  test('T25 a chain longer than five is refused', async () => {
    let { access_token: token } = (await exchange((await subject()).access_token)).json;
    for (let depth = 1; depth <= 5; depth += 1) {
      const next = await exchange(token, {}, warehouse);
      expect(next.status, `${depth}: ${next.text}`).toBe(200);
      token = next.json.access_token;
    }
    await refused(exchange(token, {}, warehouse), 'invalid_request', /longer than 5/);
  });

  test('T25 an actor that is not this client’s own is refused', async () => {
    const { access_token } = await subject();
    const actor = { actor_token: access_token, actor_token_type: ACCESS };
    await refused(exchange(access_token, actor), 'invalid_request', /another client/);
    const { json } = await exchange(access_token);
    const onlyImpersonates = await exchange(json.access_token, actor, stranger);
    expect(onlyImpersonates.json.error).toBe('invalid_request');
  });

  test('the family ends: what was exchanged from it is dead, and nothing more comes of it', async () => {
    const tokens = await subject();
    const { json } = await exchange(tokens.access_token);
    await world.revoke(tokens.refresh_token, web);
    expect((await second.introspect(json.access_token, warehouse)).json).toEqual({ active: false });
    await refused(exchange(tokens.access_token, {}, gateway, second), 'invalid_request');
    await refused(exchange(json.access_token, {}, warehouse), 'invalid_request');
  });

  test('T25 the account is disabled: refused, and what was exchanged is dead', async () => {
    const person = await seedPerson(world.rooms);
    const code = await world.browser(web, person).code('openid goods:read', { resource: orders });
    const { access_token } = (await world.redeem(code, web)).json;
    const { json } = await exchange(access_token);
    expect(json.access_token).toBeTruthy();
    await world.rooms.accounts.disable(person.id, { actor: operator });
    await expect
      .poll(async () => (await exchange(access_token)).json.error, { timeout: 10_000 })
      .toBe('invalid_request');
    expect((await world.introspect(json.access_token, warehouse)).json).toEqual({ active: false });
  });
});

describe('token exchange, in one set-up', () => {
  let world: World;
  let web: SeededClient;
  let gateway: SeededClient;
  let opaqueApi: SeededClient;

  beforeAll(async () => {
    world = await openWorld('full');
    const { rooms } = world;
    const exchange = [{ audience: stock, mode: 'both' }] as const;
    gateway = await seedClient(rooms, { name: 'Orders API', type: 'service', exchange });
    opaqueApi = await seedClient(rooms, { name: 'Stock API', type: 'service', exchange });
    await seedApi(rooms, orders, {
      tokenFormat: 'opaque',
      scopes: ['goods:read'],
      introspectionClientId: gateway.clientId,
    });
    await seedApi(rooms, stock, {
      tokenFormat: 'opaque',
      scopes: ['goods:read'],
      introspectionClientId: opaqueApi.clientId,
    });
    web = await seedWebClient(rooms, { firstParty: true, resources: [orders], mayAct: gateway.clientId });
  });
  afterAll(() => world?.close());

  const subject = () => world.signIn(web, 'openid offline_access goods:read', { resource: orders });
  const exchange = (token: string, client = gateway, headers: Record<string, string> = {}) =>
    world.ask('/oauth2/token', {
      form: { grant_type: EXCHANGE_GRANT, subject_token: token, subject_token_type: ACCESS, audience: stock },
      client,
      headers,
    });

  test('openid-client exchanges, opaque for opaque; its family and its client end it', async () => {
    const config = await oidc.discovery(new URL(world.issuer), gateway.clientId, gateway.secret, undefined, {
      execute: [oidc.allowInsecureRequests],
    });
    const tokens = await subject();
    const exchanged = await oidc.genericGrantRequest(config, EXCHANGE_GRANT, {
      subject_token: tokens.access_token,
      subject_token_type: ACCESS,
      resource: stock,
      scope: 'goods:read',
    });
    expect(exchanged).toMatchObject({ issued_token_type: ACCESS, scope: 'goods:read' });
    const { json } = await world.introspect(exchanged.access_token, opaqueApi);
    expect(json).toMatchObject({
      active: true,
      aud: stock,
      sub: world.person.id,
      client_id: gateway.clientId,
      scope: 'goods:read',
    });
    await world.revoke(tokens.refresh_token, web);
    expect((await world.introspect(exchanged.access_token, opaqueApi)).json).toEqual({ active: false });
  });

  test('T25 another client’s opaque token, guessed right, is refused', async () => {
    const { access_token } = await subject();
    const { status, json } = await exchange(access_token, opaqueApi);
    expect([status, json.error]).toEqual([400, 'invalid_request']);
  });

  test('may_act: the one that is named may act, nobody else', async () => {
    const { access_token } = await subject();
    expect((await world.introspect(access_token, gateway)).json).toMatchObject({
      may_act: { sub: gateway.clientId },
    });
    expect((await exchange(access_token)).status).toBe(200);
    await world.rooms.clients.update(web.clientId, { mayAct: 'somebody-else' }, operator);
    await expect
      .poll(
        async () => {
          const { json } = await exchange((await subject()).access_token);
          return json.error_description;
        },
        { timeout: 10_000 },
      )
      .toMatch(/may_act/);
  });

  test('T20 a DPoP proof binds what is exchanged, once', async () => {
    const { access_token } = await world.signIn(web, 'openid goods:read', { resource: orders });
    await world.rooms.clients.update(web.clientId, { mayAct: null }, operator);
    await expect
      .poll(async () => (await exchange((await subject()).access_token)).status, { timeout: 10_000 })
      .toBe(200);
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(publicKey);
    const dpop = await new SignJWT({ jti: randomUUID(), htm: 'POST', htu: `${world.issuer}/oauth2/token` })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .setIssuedAt()
      .sign(privateKey);
    const fresh = await subject();
    const first = await exchange(fresh.access_token, gateway, { dpop });
    expect([first.status, first.json.token_type], access_token && first.text).toEqual([200, 'DPoP']);
    const { json } = await world.introspect(first.json.access_token, opaqueApi);
    expect(json).toMatchObject({ cnf: { jkt: await calculateJwkThumbprint(jwk) } });
    expect((await exchange(fresh.access_token, gateway, { dpop })).json.error).toBe('invalid_dpop_proof');
  });

  test('the exchanging client is disabled: what it was given is dead', async () => {
    const tokens = await subject();
    const { json } = await exchange(tokens.access_token);
    await world.rooms.clients.disable(gateway.clientId, operator);
    await expect
      .poll(async () => (await world.introspect(json.access_token, opaqueApi)).json, { timeout: 10_000 })
      .toEqual({ active: false });
  });

  test('it is audited with whose token it came from and how many act', async () => {
    await world.rooms.audit.flush();
    const events = await world.rooms.audit.search({ type: 'token.exchanged' });
    expect(JSON.stringify(events)).toContain(web.clientId);
  });
});
