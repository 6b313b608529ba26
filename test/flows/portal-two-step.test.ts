/** Two-step sign-in in the portal: an app added, named and removed, new recovery codes, and what each needs. */
import { generateSync } from 'otplib';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openTestRooms } from '../cli/rooms.ts';
import { type Agent, formTo, type Page } from '../harness/agent.ts';
import { createAgent, seedPerson, signIn } from '../harness/seed.ts';
import { type CreationOptions, createAuthenticator } from '../passkeys/authenticator.ts';
import { moveClock } from './clock.ts';
import { enter, frontDoorOf } from './portal-world.ts';
import { openWorld, type World } from './world.ts';

const clock = await moveClock();
let world: World;
beforeAll(async () => {
  world = await openWorld('full', { CARDEA_SECOND_FACTOR: 'optional' });
});
afterEach(() => clock.reset());
afterAll(() => world?.close());

const secretOn = ({ text }: Page) =>
  /<p class="key"><code[^>]*>([A-Z2-7 ]+)</.exec(text)?.[1]?.replaceAll(' ', '') ?? '';
const codesOn = ({ text }: Page) =>
  [...text.matchAll(/<code>([A-Z]{4}(?:-[A-Z]{4}){2})<\/code>/g)].map(([, code = '']) => code);
const codeNow = (secret: string) => generateSync({ secret, epoch: Math.floor(Date.now() / 1000) });
const send = async (agent: Agent, page: Page, ending: string, typed: Record<string, string> = {}) => {
  const { action, fields } = formTo(page, ending);
  return agent.post(action, { ...fields, ...typed });
};
/** Through the sign-in page again, and the code's page after it. */
async function stepUp(agent: Agent, answer: Page, person: Parameters<typeof signIn>[2], secret: string) {
  let page = await agent.follow(answer);
  if (page.text.includes('/sign-in"')) page = await signIn(agent, page, person);
  return agent.follow(await send(agent, page, '/second-factor', { code: codeNow(secret) }));
}

test('S19, S20 added with one factor when there is none; from then on a second one is asked for everything', async () => {
  const person = await seedPerson(world.rooms);
  const { agent, page: overview } = await enter(world, person);
  expect(overview.text).toContain('Turn on two-step sign-in');
  const page = await agent.get('/account/two-step/add');
  const secret = secretOn(page);
  const wrong = await send(agent, page, '/add', { code: '000000', name: '<b>Phone</b>' });
  expect([wrong.status, secretOn(wrong)]).toEqual([422, secret]);
  expect(wrong.text).toContain('value="&#60;b&#62;Phone&#60;/b&#62;"');
  const shown = await send(agent, wrong, '/add', { code: codeNow(secret), name: 'Phone' });
  expect([shown.status, codesOn(shown).length]).toEqual([200, 10]);
  const list = await agent.get('/account/two-step');
  expect(list.text).toContain('Phone');
  expect(codesOn(list)).toEqual([]);

  // The session has proved one factor only: what changes factors leads to the front door, for GET and POST alike.
  for (const path of ['/account/two-step/add', '/account/two-step/recovery-codes']) {
    expect(frontDoorOf(await agent.get(path))?.get('acr_values')).toContain('urn:cardea:acr:2');
  }
  const id = (await world.rooms.factors.held(person.id)).authenticators[0]?.id ?? '';
  const removal = await send(agent, list, `${id}/remove`);
  expect(frontDoorOf(removal)?.get('acr_values')).toContain('urn:cardea:acr:2');
  expect((await world.rooms.factors.held(person.id)).authenticators).toHaveLength(1);

  clock.move(60);
  const back = await stepUp(agent, removal, person, secret);
  expect([back.status, new URL(back.url).pathname]).toEqual([200, '/account/two-step']);
  const renamed = await agent.follow(await send(agent, back, `${id}/rename`, { name: 'Old phone' }));
  expect(renamed.text).toContain('Old phone');
  const make = await agent.get('/account/two-step/recovery-codes');
  const news = await send(agent, make, '/recovery-codes');
  expect(codesOn(news)).toHaveLength(10);
  expect(codesOn(news)).not.toContain(codesOn(shown)[0]);
  const second = await agent.get('/account/two-step/add');
  expect([second.status, secretOn(second) === secret]).toEqual([200, false]);

  // Another account's app is nobody's here.
  const other = await seedPerson(world.rooms);
  const { agent: stranger, page: theirs } = await enter(world, other, '/account/two-step');
  expect(theirs.text).not.toContain('Old phone');
  expect((await stranger.post(`/account/two-step/apps/${id}/remove`, {})).status).toBe(403);

  const removed = await agent.follow(await send(agent, renamed, `${id}/remove`));
  expect(removed.text).toContain('is removed');
  expect(await world.rooms.factors.held(person.id)).toEqual({ authenticators: [] });
  // By its own choice, the account is signed in to with a password alone again.
  const fresh = createAgent(world.issuer);
  const entered = await signIn(fresh, await fresh.follow(await fresh.get('/account')), person);
  expect(new URL(entered.url).pathname).toBe('/account');
});

/** A passkey that its holder has lost: nobody has its key any more. */
async function addLost(rooms: World['rooms'], issuer: string, { id, email }: { id: string; email: string }) {
  const { passkeys } = rooms;
  if (!passkeys) throw new Error('no passkeys here');
  const options = (await passkeys.adding.options({ id, email }, 'page')) as CreationOptions;
  const { response } = createAuthenticator(issuer).create(options);
  const by = { actor: { kind: 'account', id } } as const;
  const added = await passkeys.adding.add({ holder: { id }, bound: 'page', response, by });
  if (added.kind !== 'added') throw new Error(added.kind);
  return added.passkey.id;
}

test('S19, S22 a lost passkey is removed with password and recovery code, never with the password alone; the codes go with it', async () => {
  const person = await seedPerson(world.rooms);
  const lost = await addLost(world.rooms, world.issuer, person);
  const path = `/account/passkeys/${lost}/remove`;
  const { agent } = await enter(world, person);
  // Without codes nothing but the passkey itself will do, or the help desk.
  expect(frontDoorOf(await agent.get(path))?.get('acr_values')).toBe('urn:cardea:acr:3');
  const stuck = await agent.follow(await agent.get(path));
  expect(stuck.text).toContain('Ask the people who run this service');
  const by = { actor: { kind: 'account', id: person.id } } as const;
  const made = await world.rooms.factors.makeRecoveryCodes(person.id, by);
  const [code = ''] = made.kind === 'made' ? made.codes : [];

  // The password alone: the page, its form and a wrong code get nowhere.
  expect(frontDoorOf(await agent.get(path))?.get('acr_values')).toBe('urn:cardea:acr:2');
  expect((await agent.post(path, {})).status).not.toBe(200);
  const asked = await agent.follow(await agent.get(path));
  const recovery = await agent.get(`${asked.url.split('?')[0]}?factor=recovery`);
  expect((await send(agent, recovery, '/second-factor', { code: 'BBBB-CCCC-DDDD' })).status).toBe(422);
  expect(await world.rooms.passkeys?.list(person.id)).toHaveLength(1);

  const page = await agent.follow(await send(agent, recovery, '/second-factor', { code }));
  expect([new URL(page.url).pathname, page.text.includes('recovery codes stop working')]).toEqual([
    path,
    true,
  ]);
  const removed = await agent.follow(await send(agent, page, '/remove'));
  expect(removed.text).toContain('is removed');
  expect(await world.rooms.passkeys?.list(person.id)).toEqual([]);
  expect(await world.rooms.factors.held(person.id)).toEqual({ authenticators: [] });
  const told = (await world.rooms.mail.box()).filter(({ to }) => to === person.email);
  expect(told.map(({ subject }) => subject).join()).toMatch(/removed.*recovery code/i);
});

test('an account whose only way in is one passkey is told so, until it has codes, another passkey or a password', async () => {
  const person = await seedPerson(world.rooms);
  const { agent } = await enter(world, person);
  const overview = async () => (await agent.get('/account')).text;
  const urged = 'One passkey is your only way in';
  await addLost(world.rooms, world.issuer, person);
  expect(await overview()).not.toContain(urged);
  const { db } = world.rooms.database;
  await db.deleteFrom('account_passwords').where('account_id', '=', person.id).execute();
  expect(await overview()).toContain(urged);
  await addLost(world.rooms, world.issuer, person);
  expect(await overview()).not.toContain(urged);
  const [one] = (await world.rooms.passkeys?.list(person.id)) ?? [];
  await db
    .deleteFrom('passkeys')
    .where('id', '=', one?.id ?? '')
    .execute();
  expect(await overview()).toContain(urged);
  const by = { actor: { kind: 'account', id: person.id } } as const;
  expect((await world.rooms.factors.makeRecoveryCodes(person.id, by)).kind).toBe('made');
  expect(await overview()).not.toContain(urged);
});

test('the help desk takes a lost passkey away, and never the only way in', async () => {
  const t = await openTestRooms();
  try {
    const email = 'grace@example.com';
    const { json } = await t.cli(['user', 'create', '--email', email, '--verified']);
    const id = await addLost(t.rooms, t.rooms.settings.issuer, json);
    const seen = await t.cli(['user', 'passkeys', email]);
    expect(seen.json.passkeys).toMatchObject([{ id, works: true, last_used_at: null }]);
    expect((await t.text(['user', 'passkeys', email])).stdout).toContain(id);
    const remove = ['user', 'remove-passkey', email, '--passkey'];
    expect((await t.cli([...remove, 'nothing'])).exit).toBe(1);
    expect(await t.cli([...remove, id])).toMatchObject({ exit: 1, json: { error: 'last' } });
    const password = 'an umbrella in november';
    await t.rooms.accounts.setPassword(json.id, password, { actor: { kind: 'operator' } });
    expect((await t.cli([...remove, id])).json).toMatchObject({ removed: id });
    expect((await t.text(['user', 'passkeys', email])).stdout).toContain('has no passkey');
    const [mail] = await t.rooms.mail.box();
    expect(mail?.subject).toContain('A way to sign in to your account');
  } finally {
    await t.close();
  }
});

test('the help desk sees factors and takes them away', async () => {
  const t = await openTestRooms();
  try {
    const { json } = await t.cli(['user', 'create', '--email', 'ada@example.com', '--verified']);
    const at = { accountId: json.id, place: 'here', isStrong: false };
    const begun = await t.rooms.factors.begin(at);
    const key = begun.kind === 'begun' ? begun.enrolment.key.replaceAll(' ', '') : '';
    const by = { actor: { kind: 'account', id: json.id } } as const;
    await t.rooms.factors.confirm(at, { code: codeNow(key), name: 'Phone' }, by);
    const seen = await t.cli(['user', 'factors', 'ada@example.com']);
    expect(seen.json).toMatchObject({ authenticators: [{ name: 'Phone' }], recovery_codes: { left: 10 } });
    expect((await t.text(['user', 'factors', json.id])).stdout).toContain('Recovery codes left: 10');
    const [{ id }] = seen.json.authenticators;
    const remove = ['user', 'remove-factor', 'ada@example.com'];
    expect((await t.cli(remove)).exit).toBe(1);
    expect((await t.cli([...remove, '--factor', 'nothing'])).exit).toBe(1);
    expect((await t.cli([...remove, '--factor', id])).json).toMatchObject({ removed: 1 });
    expect((await t.cli([...remove, '--all'])).exit).toBe(1);
    const mails = (await t.rooms.mail.box()).map(({ subject }) => subject);
    expect(mails[0]).toContain('A way to sign in to your account');
    expect(await t.rooms.factors.held(json.id)).toEqual({ authenticators: [] });
  } finally {
    await t.close();
  }
});
