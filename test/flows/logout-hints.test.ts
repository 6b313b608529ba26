/** RP-Initiated Logout: whose sign-out is asked for. Expired hints are good, strangers' and other people's are not. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Agent, formTo } from '../harness/agent.ts';
import { authorize, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { authorizeQuery, freshAgent, openWorld, type World } from './world.ts';

const bye = 'https://app.example.com/bye';
const operator = { kind: 'operator' } as const;
let world: World;
let web: SeededClient;
let hint: string;
let agent: Agent;
let clock: MovedClock;

beforeAll(async () => {
  clock = await moveClock();
  world = await openWorld('embedded');
  web = await seedWebClient(world.rooms, { firstParty: true, postLogoutRedirectUris: [bye] });
  hint = (await world.signIn(web, 'openid')).id_token;
});
afterAll(async () => {
  clock.reset();
  await world?.close();
});
beforeEach(async () => {
  agent = freshAgent(world);
  await authorize(agent, world.issuer + authorizeQuery(web), world.person);
});

const ask = (query: Record<string, string>) => agent.get(`/oauth2/logout?${new URLSearchParams(query)}`);
async function signOut(query: Record<string, string>) {
  const page = await ask(query);
  const form = formTo(page, '/confirm');
  const done = await agent.post(form.action, { ...form.fields, logout: 'yes' });
  return { page, location: done.location ?? '' };
}
const notice = 'asked to sign out another account';

test('a hint that has expired, of a key that signs no more, is believed', async () => {
  await world.rooms.keys.rotate({ now: true, actor: operator });
  clock.move(2 * 86_400);
  agent = freshAgent(world);
  await authorize(agent, world.issuer + authorizeQuery(web), world.person);
  const { page, location } = await signOut({
    id_token_hint: hint,
    post_logout_redirect_uri: bye,
    state: 's',
  });
  expect(location).toBe(`${bye}?state=s`);
  expect(page.text).not.toContain(notice);
  clock.reset();
});

test('S8 a hint about another person leads nowhere: the person is asked as if nobody had sent them', async () => {
  const bob = await seedPerson(world.rooms);
  const bobs = await world.redeem(await world.browser(web, bob).code('openid'), web);
  const { page, location } = await signOut({
    id_token_hint: bobs.json.id_token,
    post_logout_redirect_uri: bye,
    state: 's',
  });
  expect(page.text).toContain(notice);
  expect(page.text).toContain(world.person.email);
  expect(page.text).not.toContain(bob.email);
  expect(location).not.toContain('app.example.com');
  expect(new URL(location, world.issuer).origin).toBe(world.issuer);
});

test.each([
  ['the address', () => world.person.email, true],
  ['the address, written otherwise', () => ` ${world.person.email.toUpperCase()}`, true],
  ['the subject', () => world.person.id, true],
  ['nothing', () => '', true],
  ['another address', () => 'bob@example.com', false],
  ['markup', () => '<b>bob</b>', false],
])('logout_hint with %s', async (_name, given, believed) => {
  const { page, location } = await signOut({
    client_id: web.clientId,
    post_logout_redirect_uri: bye,
    logout_hint: given(),
  });
  expect(page.text.includes(notice)).toBe(!believed);
  expect(location === bye).toBe(believed);
  expect(page.text).not.toContain('<b>bob');
});

test('a pairwise subject is recognised as the person’s own', async () => {
  const pairwise = await seedWebClient(world.rooms, {
    firstParty: true,
    postLogoutRedirectUris: [bye],
    subjectType: 'pairwise',
  });
  const { id_token } = await world.signIn(pairwise, 'openid');
  const { location } = await signOut({ id_token_hint: id_token, post_logout_redirect_uri: bye });
  expect(location).toBe(bye);
});
