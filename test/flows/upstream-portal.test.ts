/** Other sign-ins in the portal: connected by their holder alone, and never the last way in taken away. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Agent } from '../harness/agent.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { type FakeProvider, startFakeProvider } from '../harness/fake-provider.ts';
import { type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { moveClock } from './clock.ts';
import { enter, frontDoorOf } from './portal-world.ts';
import {
  atSignIn,
  codeOf,
  leavesTo,
  outboundTo,
  post,
  said,
  seedProvider,
  through,
} from './upstream-world.ts';
import { openWorld, type World } from './world.ts';

const clock = await moveClock();
const authority = makeAuthority();
let world: World;
let fake: FakeProvider;
let client: SeededClient;
beforeAll(async () => {
  fake = await startFakeProvider(authority.server());
  world = await openWorld('full', outboundTo(authority, fake.remote.port));
  client = await seedWebClient(world.rooms, { firstParty: true });
  await seedProvider(world, fake);
});
afterAll(async () => {
  clock.reset();
  await world?.close();
  await fake?.close();
  authority.remove();
});

const PATH = '/account/connections';

async function connect(agent: Agent) {
  const page = await agent.get(PATH);
  const url = leavesTo(await post(agent, page, '/add', { provider: 'corp' }));
  return agent.follow(await agent.get(fake.grantUrl(url)));
}

test('connected, used, disconnected; the holder is told of both', async () => {
  const person = await seedPerson(world.rooms);
  const { agent } = await enter(world, person, PATH);
  // The address there is another one, and not verified: who it is here, the session says.
  fake.claims = { sub: 'mine', email: 'me@elsewhere.example' };
  const page = await connect(agent);
  expect(said(page)).toContain('Connected. It signs you in from now on.');
  expect(said(page)).toContain('me@elsewhere.example');
  const outside = await atSignIn(world, client);
  expect(codeOf(await through(outside.agent, outside.page, fake))).toBeTruthy();

  const remove = /href="([^"]+\/remove)"/.exec(page.text)?.[1] ?? '';
  const asking = await agent.follow(await agent.get(remove));
  const done = await agent.follow(await post(agent, asking, '/remove'));
  expect(said(done)).toContain('Disconnected.');
  const after = await atSignIn(world, client);
  expect(codeOf(await through(after.agent, after.page, fake))).toBeUndefined();
  const told = (await world.rooms.mail.box()).filter(({ to }) => to === person.email);
  expect(told.map(({ subject }) => subject.replace(/ (to|from) .*/, '')).sort()).toEqual([
    'Corp was connected',
    'Corp was disconnected',
  ]);
});

test('somebody who is connected to another account is not taken from it', async () => {
  fake.claims = { sub: 'hers', email: 'hers@corp.example' };
  const hers = await seedPerson(world.rooms);
  await connect((await enter(world, hers, PATH)).agent);
  const his = await enter(world, await seedPerson(world.rooms), PATH);
  expect(said(await connect(his.agent))).toContain('connected to another account here');
  const holder = await world.rooms.upstream.list(hers.id);
  expect(holder).toHaveLength(1);
});

test('S22 nobody’s attempt is finished by another account, another browser, or twice', async () => {
  const person = await seedPerson(world.rooms);
  const { agent } = await enter(world, person, PATH);
  fake.claims = { sub: 'contested', email: 'contested@corp.example' };
  const url = leavesTo(await post(agent, await agent.get(PATH), '/add', { provider: 'corp' }));
  const answer = fake.grantUrl(url);
  const thief = await enter(world, await seedPerson(world.rooms), PATH);
  expect((await thief.agent.get(answer)).status).toBe(403);
  const back = await agent.get(answer);
  expect(back.status).toBe(303);
  // The same browser, signed in as somebody else meanwhile: the attempt was not that account's.
  const { csrf } = {
    csrf: /action="[^"]*\/sign-out">\s*<input type="hidden" name="csrf" value="([^"]+)"/.exec(
      (await agent.get('/account')).text,
    )?.[1],
  };
  await agent.post('/sign-out', { csrf: csrf ?? '' });
  const other = await seedPerson(world.rooms);
  const page = await agent.follow(await agent.get(PATH));
  await agent.follow(await post(agent, page, '/sign-in', { email: other.email, password: other.password }));
  await agent.follow(await agent.get(`${PATH}/return`));
  expect(await world.rooms.upstream.list(other.id)).toEqual([]);
  expect(await world.rooms.upstream.list(person.id)).toEqual([]);
});

test('S19 both ask for a recent sign-in', async () => {
  const { agent } = await enter(world, await seedPerson(world.rooms), PATH);
  const page = await agent.get(PATH);
  clock.move(world.server.settings.lifetimes.recentSignIn + 5);
  const answer = await post(agent, page, '/add', { provider: 'corp' });
  expect(frontDoorOf(answer)?.get('max_age')).toBe('600');
  clock.reset();
});

test('the last way in stays, and of two that are taken away at once one does', async () => {
  fake.claims = { sub: 'only', email: 'only@corp.example', email_verified: true };
  const by = { actor: { kind: 'operator' } } as const;
  const made = await world.rooms.accounts.create({ email: 'only@corp.example', emailVerified: true }, by);
  if (made.kind !== 'created') throw new Error(made.kind);
  const { id } = made.account;
  const { db } = world.rooms.database;
  const link = { provider_id: 'corp', issuer: fake.origin, account_id: id, email: null, last_used_at: null };
  for (const subject of ['only', 'second']) {
    await db
      .insertInto('upstream_identities')
      .values({ ...link, subject, linked_at: new Date() })
      .execute();
  }
  const from = { network: '127.0.0.1' };
  const links = await world.rooms.upstream.list(id);
  const outcomes = await Promise.all(links.map((one) => world.rooms.upstream.unlink(id, one.id, from)));
  expect(outcomes.sort()).toEqual(['last', 'unlinked']);
  // A provider that is switched off is no way in.
  await world.rooms.providers.setEnabled('corp', false, by.actor);
  const [left] = await world.rooms.upstream.list(id);
  expect(await world.rooms.upstream.unlink(id, left?.id ?? '', from)).toBe('last');
  await world.rooms.providers.setEnabled('corp', true, by.actor);
});
