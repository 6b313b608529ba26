/**
 * S22 "This wasn't me" takes every way in back that was added since: nobody gets in by what a stranger has set up, and the
 * holder by the reset and by what was there before. No proof from before adds one afterwards, on whichever process.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { hasEnded } from '../../src/storage/ended-access.ts';
import { insertIdentity } from '../../src/upstream/identities-store.ts';
import { codeOf as appCode } from '../factors/rooms.ts';
import { type Agent, createAgent, formTo, type Page } from '../harness/agent.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { type FakeProvider, startFakeProvider } from '../harness/fake-provider.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import { type CreationOptions, type Credential, createAuthenticator } from '../passkeys/authenticator.ts';
import { moveClock } from './clock.ts';
import { enter } from './portal-world.ts';
import { atSignIn, codeOf, outboundTo, post, said, seedProvider, through } from './upstream-world.ts';
import { openWorld, type World } from './world.ts';

const clock = await moveClock();
const authority = makeAuthority();
let world: World;
let second: World;
let fake: FakeProvider;
let client: SeededClient;
let strict: SeededClient;
let authenticator: ReturnType<typeof createAuthenticator>;
beforeAll(async () => {
  fake = await startFakeProvider(authority.server());
  world = await openWorld('full', outboundTo(authority, fake.remote.port));
  second = await world.second();
  client = await seedWebClient(world.rooms, { firstParty: true });
  strict = await seedWebClient(world.rooms, { firstParty: true, secondFactor: 'required' });
  authenticator = createAuthenticator(world.issuer);
  await seedProvider(world, fake);
});
afterEach(() => clock.reset());
afterAll(async () => {
  clock.reset();
  await world?.close();
  await fake?.close();
  authority.remove();
});

const by = ({ id }: Pick<Person, 'id'>) =>
  ({ actor: { kind: 'account', id }, network: '192.0.2.7' }) as const;
const anybody = { actor: { kind: 'anonymous' }, network: '192.0.2.8' } as const;

async function addPasskey({ id, email }: Person, at = world, signedIn?: { at: number }) {
  const { passkeys } = at.rooms;
  if (!passkeys) throw new Error('no passkeys here');
  const options = (await passkeys.adding.options({ id, email }, 'a page')) as CreationOptions;
  const { response, credential } = authenticator.create(options);
  const outcome = await passkeys.adding.add({
    holder: { id },
    signedIn,
    bound: 'a page',
    response,
    by: by({ id }),
  });
  return { outcome, credential };
}

/** An app that waits for its first code, and that code. */
async function beginApp({ id }: Person, at = world, signedIn?: { at: number }) {
  const place = { accountId: id, place: 'of the stranger', isStrong: true, signedIn };
  const begun = await at.rooms.factors.begin(place);
  if (begun.kind !== 'begun') return { outcome: begun.kind, confirm: async () => begun };
  const code = appCode(at.rooms, begun.enrolment.key.replaceAll(' ', ''));
  return {
    outcome: begun.kind,
    confirm: () => at.rooms.factors.confirm(place, { code, name: 'Phone' }, by({ id })),
  };
}

const link = ({ id }: Person, subject: string) =>
  insertIdentity(
    world.rooms.database.db,
    { providerId: 'corp', issuer: fake.origin, subject },
    { accountId: id, email: `${subject}@corp.example`, at: Date.now(), used: false },
  );

async function byPasskey(credential: Credential): Promise<string | undefined> {
  const { agent, page } = await atSignIn(world, client);
  const options = JSON.parse((await agent.get(`${page.url}/passkey-options`)).text);
  const answer = await post(agent, page, '/passkey', { credential: authenticator.get(options, credential) });
  return codeOf(await agent.follow(answer));
}

async function byProvider(subject: string): Promise<string | undefined> {
  fake.claims = { sub: subject, email: `${subject}@corp.example`, email_verified: true };
  const { agent, page } = await atSignIn(world, client);
  return codeOf(await through(agent, page, fake));
}

const mailTo = async ({ email }: Person, what: string) => {
  const mail = (await world.rooms.mail.box()).find((one) => one.to === email && one.text.includes(what));
  if (!mail) throw new Error(`no mail says ${what}`);
  return { text: mail.text, link: /https?:\S+\/link\/\S+/.exec(mail.text)?.[0] ?? '' };
};

async function press(agent: Agent, address: string, fields: Record<string, string> = {}): Promise<Page> {
  const form = formTo(await agent.follow(await agent.get(address)), '/link');
  return agent.follow(await agent.post(form.action, { ...form.fields, ...fields }));
}

/** Somebody whose account is older than the hour within which new browsers are not told. */
async function settled(): Promise<Person> {
  const person = await seedPerson(world.rooms);
  clock.move(3601);
  await Promise.all([world.rooms.lease.renew(), second.rooms.lease.renew()]);
  return person;
}

test('S22 passkey, provider, app and codes of a stranger go, what was there before stays, and the reset leads in', async () => {
  const person = await seedPerson(world.rooms);
  const own = await addPasskey(person);
  await link(person, `own-${person.id}`);
  clock.move(3601);
  await world.rooms.lease.renew();
  const stranger = await atSignIn(world, client);
  expect(codeOf(await signIn(stranger.agent, stranger.page, person))).toBeTruthy();
  clock.move(4000);
  await world.rooms.lease.renew();
  const theirs = await addPasskey(person);
  expect(theirs.outcome.kind).toBe('added');
  await link(person, `evil-${person.id}`);
  expect(await (await beginApp(person)).confirm()).toMatchObject({ kind: 'added' });
  const waiting = await beginApp(person);
  expect(await byPasskey(theirs.credential)).toBeTruthy();

  const holder = createAgent(world.issuer);
  const done = await press(holder, (await mailTo(person, 'This wasn’t me')).link);
  expect(said(done)).toContain('What was added since to sign in with was removed');
  expect(await byPasskey(theirs.credential)).toBeUndefined();
  expect(await byProvider(`evil-${person.id}`)).toBeUndefined();
  expect(await waiting.confirm()).toMatchObject({ kind: 'gone' });
  const held = await world.rooms.factors.held(person.id);
  expect([held.authenticators, held.recoveryCodes]).toEqual([[], undefined]);
  const again = await atSignIn(world, client);
  expect((await signIn(again.agent, again.page, person)).status).toBe(422);

  expect(await byPasskey(own.credential)).toBeTruthy();
  expect(await byProvider(`own-${person.id}`)).toBeTruthy();
  const { text, link: reset } = await mailTo(person, 'Choose a new password:');
  expect(text).toMatch(/Passkeys that were added since[^\n]*: 1\n/);
  expect(text).toMatch(/Authenticator apps that were added since[^\n]*: 1\n/);
  expect(text).toMatch(/Connected accounts that were added since[^\n]*: 1\n/);
  expect(text).toContain('Recovery codes that no longer work: 10');
  const password = 'a quite different horse battery';
  await press(holder, reset, { password });
  await world.rooms.lease.renew();
  const back = await atSignIn(world, client);
  expect(codeOf(await signIn(back.agent, back.page, { ...person, password }))).toBeTruthy();

  await world.rooms.audit.flush();
  const { events } = await world.rooms.audit.search({ accountId: person.id, limit: 100 });
  expect(events.find(({ type }) => type === 'account.not-me')?.detail).toMatchObject({ waysRemoved: 13 });
  for (const type of [
    'passkey.removed',
    'identity.unlinked',
    'authenticator.removed',
    'recovery-codes.removed',
  ]) {
    expect(events.filter((one) => one.type === type)).toHaveLength(1);
  }
});

test('S22 what is set up on the way of the sign-in of which the notice tells goes, too', async () => {
  const person = await settled();
  const { agent, page } = await atSignIn(world, strict);
  const choice = await signIn(agent, page, person);
  const enrol = choice.text.includes('/enrol"') && choice.text.includes('class="key"') ? choice : undefined;
  const app = enrol ?? (await agent.get(`${choice.url.split('?')[0]}?factor=totp`));
  const key = /<p class="key"><code[^>]*>([A-Z2-7 ]+)</.exec(app.text)?.[1]?.replaceAll(' ', '') ?? '';
  const codes = await post(agent, app, '/enrol', { code: appCode(world.rooms, key) });
  clock.move(60);
  expect(codeOf(await agent.follow(await post(agent, codes, '/go-on')))).toBeTruthy();
  expect((await world.rooms.factors.held(person.id)).authenticators).toHaveLength(1);
  await press(createAgent(world.issuer), (await mailTo(person, 'This wasn’t me')).link);
  expect((await world.rooms.factors.held(person.id)).authenticators).toEqual([]);
});

test('S22 two clicks at once on two processes: one takes it back, once', async () => {
  const person = await settled();
  const account = await world.rooms.accounts.find(person.id);
  if (!account) throw new Error('no account');
  const since = Date.now();
  const token = await world.rooms.notMe.issue(world.rooms.database.db, account, { since });
  await addPasskey(person);
  const outcomes = await Promise.all(
    [world, second, world, second].map(({ rooms }) => rooms.notMe.confirm(token, anybody)),
  );
  expect(outcomes.sort()).toEqual(['done-removed', 'gone', 'gone', 'gone']);
  await world.rooms.audit.flush();
  const { events } = await world.rooms.audit.search({ accountId: person.id, limit: 100 });
  expect(events.filter(({ type }) => type === 'passkey.removed')).toHaveLength(1);
});

test('S22 whatever is being added while the holder clicks, on the other process, is not there afterwards', async () => {
  const person = await settled();
  for (let round = 0; round < 5; round += 1) {
    const account = await world.rooms.accounts.find(person.id);
    if (!account) throw new Error('no account');
    const signedIn = { at: Date.now() };
    const token = await world.rooms.notMe.issue(world.rooms.database.db, account, { since: signedIn.at });
    const app = await beginApp(person, second, signedIn);
    const [clicked] = await Promise.all([
      world.rooms.notMe.confirm(token, anybody),
      app.confirm(),
      addPasskey(person, second, signedIn),
    ]);
    expect(clicked).toMatch(/^done/);
    expect(await world.rooms.passkeys?.list(person.id)).toEqual([]);
    const held = await world.rooms.factors.held(person.id);
    expect([held.authenticators, held.recoveryCodes]).toEqual([[], undefined]);
    // The other process has not read of it yet, and adds nothing all the same.
    expect(await hasEnded(second.rooms.database.db, person.id, signedIn)).toBe(true);
    expect((await addPasskey(person, second, signedIn)).outcome.kind).toBe('rejected');
    expect((await beginApp(person, second, signedIn)).outcome).toBe('absent');
    clock.move(1);
  }
});

test('S22 a password that was proved before the reset leads to no page that adds a way in afterwards', async () => {
  const person = await seedPerson(world.rooms);
  const { agent, page } = await atSignIn(world, strict);
  const choice = await signIn(agent, page, person);
  const app = choice.text.includes('class="key"')
    ? choice
    : await agent.get(`${choice.url.split('?')[0]}?factor=totp`);
  const key = /<p class="key"><code[^>]*>([A-Z2-7 ]+)</.exec(app.text)?.[1]?.replaceAll(' ', '') ?? '';
  expect(key).toMatch(/^[A-Z2-7]{32}$/);
  const asking = { email: person.email, network: '192.0.2.8', requestId: 'r', locale: 'en' };
  expect(await world.rooms.passwordResets.ask(asking)).toBe('asked');
  await press(createAgent(world.issuer), (await mailTo(person, 'Choose a new password:')).link, {
    password: 'a quite different horse battery',
  });
  await world.rooms.lease.renew();
  const late = await post(agent, app, '/enrol', { code: appCode(world.rooms, key) });
  expect(late.status).toBe(403);
  expect((await world.rooms.factors.held(person.id)).authenticators).toEqual([]);
  expect((await agent.get(choice.url)).text).toContain('/sign-in"');
});

test('S22 a session that was ended on one process sets no password by another, not even within its lease', async () => {
  const person = await settled();
  const { agent } = await enter(world, person);
  const account = await world.rooms.accounts.find(person.id);
  if (!account) throw new Error('no account');
  const token = await world.rooms.notMe.issue(world.rooms.database.db, account, { since: Date.now() });
  const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  const first = (form?: Record<string, string>) =>
    second.ask('/account/password/first', { headers: { cookie }, ...(form && { form }) });
  await second.rooms.lease.renew();
  // It knows of the session, and not yet of its end.
  expect((await first()).status).toBe(303);
  expect(await world.rooms.notMe.confirm(token, anybody)).toBe('done');
  const page = await first();
  const form = page.text.slice(page.text.indexOf('action="/account/password/first"'));
  const csrf = /name="csrf" value="([^"]+)"/.exec(form)?.[1] ?? '';
  const done = await first({ csrf, password: 'what the stranger would like' });
  expect(String(done.headers.location)).toContain('/oauth2/authorize');
  expect(await world.rooms.passwordChange.hasPassword(person.id)).toBe(false);
});
