/** Address, password, new browsers and "this wasn't me": what an account's holder changes, and takes back. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Agent, createAgent, formTo } from '../harness/agent.ts';
import { type Mailboxes, openMailboxes } from '../harness/mail-scanner.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import { moveClock } from './clock.ts';
import { enter } from './portal-world.ts';
import { openWorld, type World } from './world.ts';

const clock = await moveClock();
const HOUR = 3601;

describe.each([
  ['full', 'smtp'],
  ['embedded', 'box'],
] as const)('one’s own account on %s', (setup, kind) => {
  let world: World;
  let mailboxes: Mailboxes;
  let client: SeededClient;
  let person: Person;

  beforeAll(async () => {
    mailboxes = await openMailboxes(kind);
    world = await openWorld(setup, {
      ...mailboxes.environment,
      CARDEA_LIMIT_ASKED_MAIL_PER_NETWORK: '100000/1h',
      CARDEA_LIMIT_CODE_TRIES_PER_NETWORK: '100000/15m',
    });
    client = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(async () => {
    await world?.close();
    await mailboxes?.close();
  });
  beforeEach(async () => {
    person = await seedPerson(world.rooms);
  });
  afterEach(() => clock.reset());

  const fresh = () => `new-${randomBytes(4).toString('hex')}@example.com`;
  const accountOf = ({ id }: Person) => world.rooms.accounts.find(id);
  const post = async (agent: Agent, page: string, action: string, fields: Record<string, string>) => {
    const form = formTo(await agent.get(page), action);
    return agent.post(form.action, { ...form.fields, ...fields });
  };
  const signsIn = async ({ email }: Person, password: string) =>
    (await world.rooms.authenticate({ email, password, network: '192.0.2.9' })).kind;

  /** Presses the one button of a mailed link, in a browser of its own. */
  async function press(link: string, agent = createAgent(world.issuer)): Promise<string> {
    const page = await agent.follow(await agent.get(link));
    const form = formTo(page, '/link');
    return (await agent.follow(await agent.post(form.action, form.fields))).text;
  }

  test('S22, A5 another address counts when it is proved; the old one is told and can take it back', async () => {
    const { agent } = await enter(world, person);
    const email = fresh();
    const tokens = await world.redeem(
      await world.browser(client, person).code('openid offline_access'),
      client,
    );
    const asked = await post(agent, '/account/email', '/account/email', { email });
    expect(asked.location).toBe(`${world.issuer}/account/email/code`);
    expect((await accountOf(person))?.email).toBe(person.email);
    const { code, link } = await mailboxes.next(world, email);
    const wrong = await post(agent, '/account/email/code', '/account/email/code', { code: '0000 0000' });
    expect(wrong.status).toBe(422);
    const done = await post(agent, '/account/email/code', '/account/email/code', { code, others: 'yes' });
    expect(done.status).toBe(303);
    expect(await accountOf(person)).toMatchObject({ email, emailVerified: true });
    // Others are out, this browser is not; the link of the same mail is void.
    expect((await agent.get('/account')).status).toBe(200);
    expect((await world.refresh(tokens.json.refresh_token, client)).json.error).toBe('invalid_grant');
    expect((await createAgent(world.issuer).follow(await createAgent(world.issuer).get(link))).status).toBe(
      410,
    );
    // The old address takes it back: signed out everywhere, no password any more, and a mail to choose another.
    const notice = await mailboxes.next(world, person.email);
    expect(notice.text).toContain('uses the address');
    expect(await press(notice.link)).toContain('Everything is signed out');
    const account = await accountOf(person);
    expect(account).toMatchObject({ email: person.email, emailVerified: true });
    expect((await agent.get('/account')).status).toBe(303);
    expect(await signsIn(person, person.password)).toBe('rejected');
    expect((await mailboxes.next(world, person.email)).text).toContain('new password');
    expect(await press(notice.link).catch(String)).toContain('no form');
  });

  test('A5 codes typed here count for the network as those at the front door do, right ones included', async () => {
    const { agent } = await enter(world, person);
    const email = fresh();
    await post(agent, '/account/email', '/account/email', { email });
    const { code } = await mailboxes.next(world, email);
    const key = JSON.stringify(['mailed code', '127.0.0.1']);
    const before = (await world.rooms.counters.read(key))?.count ?? 0;
    await world.rooms.counters.hit(key, 900, 100_000);
    const page = '/account/email/code';
    const refused = await post(agent, page, page, { code });
    await world.rooms.counters.hit(key, 900, -100_000);
    expect([refused.status, refused.text.includes('Too many codes were entered')]).toEqual([429, true]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await accountOf(person))?.email).toBe(person.email);
    expect((await world.rooms.counters.read(key))?.count).toBe(before + 1);
    // Nothing was used up.
    expect((await post(agent, page, page, { code })).status).toBe(303);
  });

  test('A5 its link asks a browser that is not signed in to the account for that, and then does it', async () => {
    const { agent } = await enter(world, person);
    const email = fresh();
    await post(agent, '/account/email', '/account/email', { email });
    const { link } = await mailboxes.next(world, email);
    const other = await seedPerson(world.rooms);
    const [nobody, somebodyElse] = [createAgent(world.issuer), (await enter(world, other)).agent];
    for (const stranger of [nobody, somebodyElse]) {
      const asked = await press(link, stranger);
      expect(asked).toContain('/sign-in"');
      expect((await accountOf(person))?.email).toBe(person.email);
    }
    // Signed in as the wrong one, the button asks again; as the right one, it does what it says.
    const page = await signIn(nobody, await nobody.follow(await nobody.get('/account')), person);
    expect(page.status).toBe(200);
    const back = await nobody.get('/link');
    expect(back.text).not.toContain('sign in to your account first');
    expect(await press(link, somebodyElse)).toContain('/sign-in"');
    expect(await press(link, nobody)).toContain('Your address is changed');
    expect((await accountOf(person))?.email).toBe(email);
  });

  test('A5 a link of an earlier address, or of an address that was taken meanwhile, changes nothing', async () => {
    const { agent } = await enter(world, person);
    const [first, second] = [fresh(), fresh()];
    await post(agent, '/account/email', '/account/email', { email: first });
    const old = await mailboxes.next(world, first);
    await post(agent, '/account/email', '/account/email', { email: second });
    const { link } = await mailboxes.next(world, second);
    expect(await press(old.link).catch(String)).toContain('no form');
    await seedPerson(world.rooms, second);
    expect(await press(link, agent)).toContain('no longer works');
    expect((await accountOf(person))?.email).toBe(person.email);
  });

  test('S12 an address that has an account is answered like any other; the mail tells', async () => {
    const { agent } = await enter(world, person);
    const other = await seedPerson(world.rooms);
    const answers = [];
    for (const email of [other.email, fresh()]) {
      const answer = await post(agent, '/account/email', '/account/email', { email });
      answers.push([
        answer.status,
        answer.location,
        (await agent.follow(answer)).text.replace(/csrf" value="[^"]+/g, ''),
      ]);
    }
    expect(answers[0]).toEqual(answers[1]);
    const mail = await mailboxes.next(world, other.email);
    expect([mail.code, mail.text.includes('has an account already')]).toEqual(['', true]);
  });

  test('S22 the password: the present one is asked for, everything ends, and the holder is told', async () => {
    const { agent } = await enter(world, person);
    const password = 'an umbrella in november';
    const wrong = await post(agent, '/account/password', '/account/password', { old: 'not it', password });
    expect([wrong.status, wrong.text.includes('not your current password')]).toEqual([422, true]);
    const weak = { old: person.password, password: 'Ada Lovelace 1815' };
    const refused = await post(agent, '/account/password', '/account/password', weak);
    expect([refused.status, refused.text.includes('must not be made of your name')]).toEqual([422, true]);
    // Without the present one there is no way around it.
    const form = formTo(await agent.get('/account/password'), '/account/password');
    expect((await agent.post('/account/password/first', { ...form.fields, password })).status).toBe(403);
    const done = await agent.post(form.action, { ...form.fields, old: person.password, password });
    expect(done.status).toBe(303);
    expect((await agent.get('/account')).location).toContain('/oauth2/authorize');
    expect([await signsIn(person, person.password), await signsIn(person, password)]).toEqual([
      'rejected',
      'signed-in',
    ]);
    expect((await mailboxes.next(world, person.email)).text).toContain('was changed');
  });

  test('a browser that is not known is told of, once; "this wasn’t me" ends everything until a new password', async () => {
    clock.move(HOUR);
    const browser = world.browser(client, person);
    const tokens = (await world.redeem(await browser.code('openid offline_access'), client)).json;
    const notice = await mailboxes.next(world, person.email);
    expect(notice.text).toContain('had not seen before');
    expect(notice.text).toContain('127.0.0.1');
    const many = (await mailboxes.all(world, person.email)).length;
    await browser.code('openid', { prompt: 'login' });
    expect(await mailboxes.all(world, person.email)).toHaveLength(many);
    expect(await press(notice.link)).toContain('Everything is signed out');
    expect((await world.refresh(tokens.refresh_token, client)).json.error).toBe('invalid_grant');
    expect(await signsIn(person, person.password)).toBe('rejected');
    const reset = await mailboxes.next(world, person.email);
    const agent = createAgent(world.issuer);
    const form = formTo(await agent.follow(await agent.get(reset.link)), '/link');
    const password = 'an umbrella in november';
    await agent.follow(await agent.post(form.action, { ...form.fields, password }));
    expect(await signsIn(person, password)).toBe('signed-in');
    // The browser that was disowned, and any other, are told of again.
    const told = async () =>
      (await mailboxes.all(world, person.email)).filter(({ text }) => text.includes('had not seen before'));
    const before = (await told()).length;
    await world.browser(client, { ...person, password }).code('openid');
    expect(await told()).toHaveLength(before + 1);
  });
});
