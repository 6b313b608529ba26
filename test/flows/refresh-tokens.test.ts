/** RFC 6749 section 6, RFC 9700 section 4.14: rotation, the replay window, and what a family is. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defaultLifetimes } from '../../src/config/lifetimes.ts';
import { redirectUri, type SeededClient, seedApi, seedClient, seedWebClient } from '../harness/seed.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { everySetup, openWorld, type World } from './world.ts';

const window = defaultLifetimes.refreshReplayWindow;
let clock: MovedClock;
beforeAll(async () => {
  clock = await moveClock();
});
afterEach(() => clock.reset());

describe.each(everySetup)('refresh with %s: %s', (setup) => {
  let world: World;
  let web: SeededClient;
  let spa: SeededClient;
  let strict: SeededClient;
  let api: string;

  beforeAll(async () => {
    world = await openWorld(setup);
    api = await seedApi(world.rooms);
    await seedApi(world.rooms, 'https://other.example.com', { scopes: ['invoices:read'] });
    const ours = { redirectUris: [redirectUri], firstParty: true };
    web = await seedWebClient(world.rooms, ours);
    spa = await seedClient(world.rooms, { name: 'Tab', type: 'spa', ...ours });
    strict = await seedWebClient(world.rooms, { ...ours, refreshReplayWindowSeconds: 0 });
  });
  afterAll(() => world?.close());

  const begin = (client: SeededClient, scope = 'openid profile offline_access') =>
    world.signIn(client, scope);
  const dead = async (token: string, client: SeededClient) => {
    const { status, json } = await world.refresh(token, client);
    expect([status, json.error]).toEqual([400, 'invalid_grant']);
    expect(json.reference).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  };

  test.each([
    ['confidential', () => web],
    ['public', () => spa],
  ])(
    'T5 a %s client: inside the window the same answer, byte for byte; past it the family ends',
    async (_n, of) => {
      const client = of();
      const first = await begin(client);
      const second = await world.refresh(first.refresh_token, client);
      expect(second.json.refresh_token).not.toBe(first.refresh_token);
      clock.move(window - 2);
      const repeated = await world.refresh(first.refresh_token, client);
      expect([repeated.status, repeated.text]).toEqual([200, second.text]);
      expect(repeated.headers['cache-control']).toContain('no-store');
      clock.move(4);
      await dead(first.refresh_token, client);
      await dead(second.json.refresh_token, client);
      expect((await world.userinfo(second.json.access_token)).status).toBe(401);
    },
  );

  test('T5 once the successor was used the first one is theft, inside the window too', async () => {
    const first = await begin(web);
    const second = await world.refresh(first.refresh_token, web);
    const third = await world.refresh(second.json.refresh_token, web);
    await dead(first.refresh_token, web);
    await dead(third.json.refresh_token, web);
  });

  test('T5 strict: without a window the second use ends the family', async () => {
    const first = await begin(strict);
    const second = await world.refresh(first.refresh_token, strict);
    expect(second.status).toBe(200);
    await dead(first.refresh_token, strict);
    await dead(second.json.refresh_token, strict);
  });

  test('T5 a theft is audited: of a refresh token, and of a code (T1)', async () => {
    const client = await seedWebClient(world.rooms, { firstParty: true, refreshReplayWindowSeconds: 0 });
    const first = await begin(client);
    await world.refresh(first.refresh_token, client);
    await dead(first.refresh_token, client);
    const code = await world.browser(client).code('openid');
    await world.redeem(code, client);
    await world.redeem(code, client);
    await world.rooms.audit.flush();
    const search = { clientId: client.clientId, type: 'token.replayed' } as const;
    const { events } = await world.rooms.audit.search(search);
    expect(events.map(({ accountId, detail }) => ({ accountId, detail }))).toEqual(
      ['authorization_code', 'refresh_token'].map((token) => ({
        accountId: world.person.id,
        detail: {
          token,
          outcome: 'family-ended',
          family: expect.any(String),
          millisecondsApart: expect.any(Number),
          firstNetwork: '127.0.0.1',
        },
      })),
    );
  });

  test('a theft in one tab leaves the other tab of the same browser alone', async () => {
    const browser = world.browser(web);
    const one = (await world.redeem(await browser.code('openid offline_access'), web)).json;
    const other = (await world.redeem(await browser.code('openid offline_access'), web)).json;
    const second = (await world.refresh(one.refresh_token, web)).json;
    await world.refresh(second.refresh_token, web);
    await dead(one.refresh_token, web);
    expect((await world.userinfo(one.access_token)).status).toBe(401);
    expect((await world.userinfo(other.access_token)).status).toBe(200);
    expect((await world.refresh(other.refresh_token, web)).status).toBe(200);
  });

  test('T3 the refresh token of one client at another: refused, unharmed', async () => {
    const { refresh_token } = await begin(web);
    for (const thief of [spa, strict]) await dead(refresh_token, thief);
    expect((await world.refresh(refresh_token, web)).status).toBe(200);
  });

  test('T8 no more scope than was granted, no other API; the token is not burnt by asking', async () => {
    const { refresh_token } = await begin(web, 'openid offline_access orders:read');
    const asks: [Record<string, string>, string][] = [
      [{ scope: 'openid email' }, 'invalid_scope'],
      [{ scope: 'openid admin' }, 'invalid_scope'],
      [{ scope: 'orders:write' }, 'invalid_scope'],
      [{ resource: 'https://other.example.com' }, 'invalid_target'],
      [{ resource: 'https://unknown.example.com' }, 'invalid_target'],
      [{ resource: 'not a uri' }, 'invalid_target'],
    ];
    for (const [more, error] of asks) {
      const { status, json } = await world.refresh(refresh_token, web, more);
      expect([status, json.error], JSON.stringify(more)).toEqual([400, error]);
    }
    const narrowed = await world.refresh(refresh_token, web, { scope: 'orders:read', resource: api });
    expect(narrowed.status, narrowed.text).toBe(200);
    expect(narrowed.json.scope).toBe('orders:read');
  });

  test('narrowing is for one token: the next refresh has the whole scope again (RFC 6749 section 6)', async () => {
    const first = await begin(web);
    const narrowed = await world.refresh(first.refresh_token, web, { scope: 'openid' });
    expect(narrowed.json.scope).toBe('openid');
    const whole = await world.refresh(narrowed.json.refresh_token, web);
    expect(whole.json.scope.split(' ').sort()).toEqual(['offline_access', 'openid', 'profile']);
  });

  test('T7 a scope that the client may no longer have is gone from the next token', async () => {
    const client = await seedWebClient(world.rooms, { firstParty: true });
    const { refresh_token } = await begin(client, 'openid offline_access orders:read orders:write');
    const scopes = ['openid', 'offline_access', 'orders:read'];
    const updated = await world.rooms.clients.update(client.clientId, { scopes }, { kind: 'operator' });
    expect(updated.kind).toBe('updated');
    await world.rooms.lease.renew();
    const next = await world.refresh(refresh_token, client);
    if (next.status === 200) expect(next.json.scope.split(' ')).not.toContain('orders:write');
    else expect(next.json.error).toMatch(/^invalid_(?:grant|scope)$/);
  });
});
