/** Tokens stay small: told from 4 KB on, refused from 8 KB on, with the claim that takes the room. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SeededClient, seedApi, seedWebClient } from '../harness/seed.ts';
import { openWorld, payloadOf, type World } from './world.ts';

const by = { actor: { kind: 'operator' } } as const;
const audience = 'https://api.example.com';
let world: World;
let client: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  await seedApi(world.rooms, audience);
  client = await seedWebClient(world.rooms, { firstParty: true });
});
afterAll(() => world?.close());

/** Gives the person a role with this many permissions of 40 characters. */
async function giveRole(name: string, many: number): Promise<void> {
  const permissions = Array.from(
    { length: many },
    (_, n) => `${name}.${'p'.repeat(30)}.${String(n).padStart(3, '0')}`,
  );
  await world.rooms.roles.create({ audience, name, permissions }, by);
  await world.rooms.roles.grant(world.person.id, { audience, role: name }, by);
  await world.rooms.lease.renew();
}

const largeOnes = async () => {
  await world.rooms.audit.flush();
  const { events } = await world.rooms.audit.search({ type: 'token.large', clientId: client.clientId });
  return events.map(({ detail }) => detail);
};

test('below 4 KB nobody hears of it; from 4 KB on it is issued and told; from 8 KB on it is refused and nothing is used', async () => {
  await world.signIn(client, 'openid orders:read');
  expect(await largeOnes()).toEqual([]);

  await giveRole('many', 90);
  const tokens = await world.signIn(client, 'openid offline_access orders:read');
  expect(tokens.access_token.length).toBeGreaterThan(4_096);
  expect(await largeOnes()).toEqual([
    { token: 'access_token', bytes: tokens.access_token.length, claim: 'permissions' },
  ]);

  await giveRole('more', 90);
  const refused = await world.refresh(tokens.refresh_token, client);
  expect([refused.status, refused.json.error]).toEqual([400, 'invalid_request']);
  expect(refused.json.error_description).toMatch(
    /^the access_token would be \d+ bytes, .* largest claim is permissions$/,
  );
  await world.rooms.refusals.flush();
  expect(await world.rooms.refusals.find(refused.json.reference)).toMatchObject({
    rule: 'RFC 9110 section 5.4',
  });

  await world.rooms.roles.revoke(world.person.id, { audience, role: 'more' }, by);
  await world.rooms.lease.renew();
  const again = await world.refresh(tokens.refresh_token, client);
  expect([again.status, payloadOf(again.json.access_token).aud]).toEqual([200, audience]);
});
