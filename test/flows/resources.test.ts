/** RFC 8707, RFC 9068: which API a token is for, and what it says there (docs: which token a client gets). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SeededClient, seedApi, seedClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { authorizeQuery, openWorld, payloadOf, type Wire, type World } from './world.ts';

const by = { actor: { kind: 'operator' } } as const;
const orders = 'https://api.example.com';
const billing = 'https://billing.example.com';
let world: World;
let app: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  await seedApi(world.rooms, orders);
  await seedApi(world.rooms, billing, { scopes: ['invoices:read'] });
  app = await seedWebClient(world.rooms, { firstParty: true });
});
afterAll(() => world?.close());

const isJwt = (token: string) => token.split('.').length === 3;
const audienceOf = (token: string) => (isJwt(token) ? payloadOf(token).aud : undefined);

/** The error that an authorization request comes back with. */
async function refused(client: SeededClient, change: Record<string, string>) {
  const { headers, text } = await world.ask(authorizeQuery(client, change));
  expect(headers.location, text).toBeDefined();
  return Object.fromEntries(new URL(String(headers.location)).searchParams);
}

describe('openid profile offline_access orders:read, without resource (decided by scope)', () => {
  let tokens: Wire;
  beforeAll(async () => {
    tokens = await world.signIn(app, 'openid profile offline_access orders:read');
  });
  const next = async (more: Record<string, string>) => {
    const answer = await world.refresh(tokens.refresh_token, app, more);
    if (answer.status === 200) tokens = answer.json;
    return answer;
  };

  test('at the code: the API’s JWT, and the profile in the ID token', () => {
    expect(payloadOf(tokens.access_token)).toMatchObject({ aud: orders, scope: 'orders:read' });
    expect(payloadOf(tokens.id_token)).toMatchObject({ name: 'Ada Lovelace' });
  });

  test('refresh, plain: the API’s JWT again', async () => {
    expect(audienceOf((await next({})).json.access_token)).toBe(orders);
  });

  test('refresh with scope=openid profile: a token that userinfo takes', async () => {
    const { json } = await next({ scope: 'openid profile' });
    expect(isJwt(json.access_token)).toBe(false);
    expect(await world.userinfo(json.access_token)).toMatchObject({ status: 200 });
  });

  test('refresh with resource: the API’s JWT', async () => {
    const { json } = await next({ resource: orders });
    expect(audienceOf(json.access_token)).toBe(orders);
  });

  test('refresh for an API that was not granted: invalid_target, and nothing is lost', async () => {
    expect((await next({ resource: billing })).json.error).toBe('invalid_target');
    expect((await next({})).status).toBe(200);
  });
});

test('resource and scope together, at both addresses: the same', async () => {
  const code = await world.browser(app).code('openid orders:read', { resource: orders });
  expect(audienceOf((await world.redeem(code, app)).json.access_token)).toBe(orders);
});

test('two APIs in one authorization: the first at the code, the other by refresh', async () => {
  const first = await world.signIn(app, 'openid offline_access orders:read invoices:read');
  const known = audienceOf(first.access_token);
  expect([orders, billing]).toContain(known);
  const other = known === orders ? billing : orders;
  const second = (await world.refresh(first.refresh_token, app, { resource: other })).json;
  expect(audienceOf(second.access_token)).toBe(other);
  const scope = other === orders ? 'orders:read' : 'invoices:read';
  expect(payloadOf(second.access_token).scope).toBe(scope);
  const byScope = (await world.refresh(second.refresh_token, app, { scope: 'openid orders:read' })).json;
  expect(audienceOf(byScope.access_token)).toBe(orders);
});

test('OpenID Connect scopes alone: a token for userinfo, even with a default resource', async () => {
  const client = await seedWebClient(world.rooms, {
    firstParty: true,
    defaultResource: orders,
    resources: [orders],
  });
  const { access_token } = await world.signIn(client, 'openid profile');
  expect(isJwt(access_token)).toBe(false);
  expect((await world.userinfo(access_token)).status).toBe(200);
});

test('a scope that nobody owns is named, never dropped', async () => {
  for (const scope of ['openid orders:delete', 'openid orders:read nonsense']) {
    const answer = await refused(app, { scope });
    expect(answer).toMatchObject({ error: 'invalid_scope', scope: scope.split(' ').at(-1) });
    expect(answer.reference).toBeTruthy();
  }
  const other = await refused(app, { scope: 'openid invoices:read', resource: orders });
  expect(other).toMatchObject({ error: 'invalid_scope', scope: 'invoices:read' });
});

test.each(['https://unknown.example.com', 'not-a-uri', `${orders}#x`, `${orders}/`, 'cardea'])(
  'resource=%s: invalid_target',
  async (resource) => {
    const answer = await refused(app, { scope: 'openid', resource });
    expect(answer.error).toBe('invalid_target');
  },
);

test('a client gets no API and no scope beyond its lists', async () => {
  const client = await seedWebClient(world.rooms, {
    firstParty: true,
    resources: [orders],
    scopes: ['openid', 'orders:read'],
  });
  expect((await refused(client, { scope: 'openid', resource: billing })).error).toBe('invalid_target');
  for (const scope of ['openid invoices:read', 'openid orders:write', 'openid email']) {
    expect((await refused(client, { scope })).error).toBe('invalid_scope');
  }
});

describe('client credentials', () => {
  const grant = { grant_type: 'client_credentials' };
  let service: SeededClient;
  let both: SeededClient;
  beforeAll(async () => {
    service = await seedClient(world.rooms, { name: 'S', type: 'service', resources: [orders] });
    both = await seedClient(world.rooms, { name: 'B', type: 'service', resources: [orders, billing] });
  });

  test('one API: it need not be named; two: it must, or be told by a scope', async () => {
    expect(audienceOf((await world.token(grant, service)).json.access_token)).toBe(orders);
    expect((await world.token(grant, both)).json.error).toBe('invalid_target');
    const byScope = await world.token({ ...grant, scope: 'invoices:read' }, both);
    expect(audienceOf(byScope.json.access_token)).toBe(billing);
    const byName = await world.token({ ...grant, resource: orders }, both);
    expect(audienceOf(byName.json.access_token)).toBe(orders);
  });

  test('never another API, another scope, a refresh token or a person', async () => {
    expect((await world.token({ ...grant, resource: billing }, service)).json.error).toBe('invalid_target');
    expect((await world.token({ ...grant, scope: 'invoices:read' }, service)).json.error).toBe(
      'invalid_scope',
    );
    const { json } = await world.token({ ...grant, scope: 'orders:read' }, service);
    expect([json.refresh_token, json.id_token]).toEqual([undefined, undefined]);
    expect(payloadOf(json.access_token).sub).toBe(service.clientId);
    expect((await world.userinfo(json.access_token)).status).toBe(401);
    for (const scope of ['openid', 'orders:read openid', 'nonsense', 'orders:read invoices:read']) {
      for (const more of [{}, { resource: orders }]) {
        const { json: refusal } = await world.token({ ...grant, scope, ...more }, service);
        expect(refusal.error, scope).toBe('invalid_scope');
        expect(scope).toContain(refusal.scope);
      }
    }
  });

  test('a service without any API gets none', async () => {
    const bare = await seedClient(world.rooms, { name: 'Bare', type: 'service' });
    expect((await world.token(grant, bare)).json.error).toBe('invalid_target');
    expect((await world.token({ ...grant, resource: orders }, bare)).json.error).toBe('invalid_target');
    expect((await world.token({ ...grant, resource: 'cardea' }, bare)).json.error).toBe('invalid_target');
  });

  test('roles of a service, at its audience alone', async () => {
    await world.rooms.roles.create({ audience: orders, name: 'robot', permissions: ['orders.count'] }, by);
    await world.rooms.roles.grantToClient(both.clientId, { role: 'robot', audience: orders }, by);
    await world.rooms.lease.renew();
    const at = async (resource: string) =>
      payloadOf((await world.token({ ...grant, resource }, both)).json.access_token);
    expect(await at(orders)).toMatchObject({ roles: ['robot'], permissions: ['orders.count'] });
    const elsewhere = await at(billing);
    expect([elsewhere.roles, elsewhere.permissions]).toEqual([undefined, undefined]);
  });
});

describe('roles of a person', () => {
  test('only of the audience in a JWT; by the roles scope in ID token and userinfo', async () => {
    const clerk = await seedPerson(world.rooms);
    for (const [audience, name] of [
      [orders, 'clerk'],
      [billing, 'auditor'],
    ] as const) {
      await world.rooms.roles.create({ audience, name, permissions: [`${name}.do`] }, by);
      await world.rooms.roles.grant(clerk.id, { role: name, audience }, by);
    }
    await world.rooms.lease.renew();
    const client = await seedWebClient(world.rooms, { firstParty: true, resources: [orders] });
    const browser = world.browser(client, clerk);
    const jwt = (await world.redeem(await browser.code('openid roles orders:read'), client)).json;
    expect(payloadOf(jwt.access_token)).toMatchObject({ roles: ['clerk'], permissions: ['clerk.do'] });
    expect(payloadOf(jwt.id_token)).toMatchObject({ roles: ['clerk'] });
    expect(payloadOf(jwt.id_token).permissions).toBeUndefined();
    const plain = (await world.redeem(await browser.code('openid roles'), client)).json;
    const info = JSON.parse((await world.userinfo(plain.access_token)).text);
    expect(info).toMatchObject({ sub: clerk.id, roles: ['clerk'] });
    const without = (await world.redeem(await browser.code('openid'), client)).json;
    expect(JSON.parse((await world.userinfo(without.access_token)).text)).toEqual({ sub: clerk.id });
    expect(payloadOf(without.id_token).roles).toBeUndefined();
  });
});
