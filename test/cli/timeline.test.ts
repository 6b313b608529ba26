/** `user timeline` and `client timeline`, on an account whose family was begun, refreshed and ended. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/storage/ids.ts';
import { openTestRooms, type TestRooms } from './rooms.ts';

let t: TestRooms;
let accountId: string;
const family = newId('Grant');

beforeAll(async () => {
  t = await openTestRooms();
  await t.cli([
    'client',
    'create',
    '--id',
    'shop',
    '--name',
    'Shop',
    '--type',
    'web',
    '--redirect-uri',
    'https://shop.example.com/cb',
  ]);
  const made = await t.cli(['user', 'create', '--email', 'ada@example.com'], {
    password: 'a long enough pass phrase',
  });
  accountId = made.json.id;
  const now = Date.now();
  const at = {
    signedInAt: now - 60_000,
    bornAt: now - 60_000,
    datedAt: now - 60_000,
    redeemedAt: now - 59_000,
  };
  const limits = { idleUntil: now + 86_400_000, absoluteUntil: now + 7 * 86_400_000 };
  const what = { family, accountId, clientId: 'shop', scopes: 'openid offline_access', offline: true };
  t.rooms.familyIndex.note({ ...what, ...at, ...limits, refreshes: 12, usedAt: now, network: '203.0.113.7' });
  t.rooms.audit.later({
    type: 'token.replayed',
    actor: { kind: 'client', id: 'shop' },
    accountId,
    clientId: 'shop',
    network: '198.51.100.9',
    detail: {
      family,
      token: 'refresh_token',
      outcome: 'family-ended',
      millisecondsApart: 41_000,
      firstNetwork: '203.0.113.7',
    },
  });
});
afterAll(() => t?.close());

test('a living family says which rule will end it, and when', async () => {
  const { json, exit } = await t.cli(['user', 'timeline', 'ada@example.com']);
  expect(exit).toBe(0);
  const begun = json.timeline.find((one: { type: string }) => one.type === 'family.begun');
  expect(begun).toMatchObject({
    client_id: 'shop',
    account: accountId,
    scope: 'openid offline_access',
    refreshes: 12,
    last_network: '203.0.113.7',
    ends: { rule: 'idle', at: begun.idle_until },
  });
  expect(json.timeline.map((one: { type: string }) => one.type)).toContain('account.created');
});

test('a replay says how far apart and from where; the end says why and by whom', async () => {
  await t.rooms.families.end([family], 'replayed', undefined, { by: 'system' });
  const { stdout } = await t.text(['client', 'timeline', 'shop']);
  expect(stdout).toContain(
    'refresh_token used twice, 41 s apart: first from 203.0.113.7, then from 198.51.100.9',
  );
  expect(stdout).toMatch(/refreshed 12 times, last .* from 203\.0\.113\.7; ended .*: replayed \(by system\)/);
});

test('a client that asks for longer lives than the policy gives is registered, and the asker is warned', async () => {
  const words = ['client', 'create', '--id', 'slow', '--name', 'Slow', '--type', 'web'];
  const uri = ['--redirect-uri', 'https://slow.example.com/cb'];
  const made = await t.cli([...words, ...uri, '--family-idle', '30d', '--access-token-lifetime', '5m']);
  expect(made.exit).toBe(0);
  expect(made.json).toMatchObject({ family_idle_seconds: 2_592_000, access_token_seconds: 300 });
  expect(made.stderr).toMatch(/Warning: familyIdleSeconds asks for 2592000 s; the policy gives 1209600 s/);
  expect(made.stderr).not.toContain('accessTokenSeconds');
  const types = (await t.cli(['client', 'timeline', 'slow'])).json.timeline.map(
    (one: { type: string }) => one.type,
  );
  expect(types).toContain('client.lifetime-beyond-policy');
  const bad = await t.cli(['client', 'update', 'slow', '--family-idle', 'for ever']);
  expect(bad.json.error).toBe('invalid');
});

test('pages, and what is wrong', async () => {
  const first = await t.cli(['client', 'timeline', 'shop', '--limit', '1']);
  expect(first.json.timeline).toHaveLength(1);
  const rest = await t.cli(['client', 'timeline', 'shop', '--after', first.json.next]);
  expect(rest.json.timeline.length).toBeGreaterThan(1);
  expect((await t.cli(['client', 'timeline', 'shop', '--after', 'x'])).json.error).toBe('invalid');
  expect((await t.cli(['client', 'timeline', 'nobody'])).json.error).toBe('not_found');
  expect((await t.cli(['user', 'timeline', 'nobody@example.com'])).json.error).toBe('not_found');
});
