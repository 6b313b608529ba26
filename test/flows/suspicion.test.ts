/** A right password in a rush of wrong ones: a browser that the account does not know needs a mailed code, too. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, createAgent, formTo, type Page } from '../harness/agent.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import { authorizeQuery, openWorld, payloadOf, type World } from './world.ts';

const answerOf = (page: Page) => new URL(String(page.location)).searchParams;
const wrong = 'not the password';

describe.each(['full', 'embedded'] as const)('on %s', (setup) => {
  let world: World;
  let client: SeededClient;
  let strict: SeededClient;

  beforeAll(async () => {
    world = await openWorld(setup, { CARDEA_LIMIT_SIGN_IN_PER_ACCOUNT: '10/15m' });
    client = await seedWebClient(world.rooms, { firstParty: true });
    strict = await seedWebClient(world.rooms, { firstParty: true, secondFactor: 'required' });
  });
  afterAll(() => world?.close());

  const open = async (agent: Agent, at = client) => agent.follow(await agent.get(authorizeQuery(at)));
  const attempt = async (agent: Agent, { email, password }: Omit<Person, 'id'>, at = client) => {
    const form = formTo(await open(agent, at), '/sign-in');
    return agent.post(form.action, { ...form.fields, email, password });
  };
  /** Somebody elsewhere guesses: half of what the account bears. */
  const storm = async (email: string) => {
    for (let n = 0; n < 5; n += 1) await attempt(createAgent(world.issuer), { email, password: wrong });
  };
  const mailsTo = async (email: string) =>
    (await world.rooms.mail.box()).filter(({ to, text }) => to === email && /\b\d{4} \d{4}\b/.test(text));
  const codeFor = async (email: string) =>
    /\b\d{4} \d{4}\b/.exec((await mailsTo(email))[0]?.text ?? '')?.[0] ?? '';
  const enter = async (agent: Agent, page: Page, code: string) => {
    const form = formTo(page, '/second-factor');
    return agent.follow(await agent.post(form.action, { ...form.fields, code }));
  };

  test('the code is mailed at once and finishes the sign-in; the level says what was proved, and the event stays', async () => {
    const person = await seedPerson(world.rooms);
    await storm(person.email);
    const agent = createAgent(world.issuer);
    const page = await signIn(agent, await open(agent), person);
    expect(page.text).toContain('this browser is new to your account');
    expect(page.text).toContain('autocomplete="one-time-code"');
    expect(answerOf(await agent.get(authorizeQuery(client, { prompt: 'none' }))).get('error')).toBe(
      'login_required',
    );
    // The code of this page is nobody else's, and a wrong one lets nobody in.
    expect((await enter(agent, page, '0000 0000')).status).toBe(422);
    const code = await codeFor(person.email);
    const back = await enter(agent, page, code);
    expect(answerOf(back).get('code')).toBeTruthy();
    await world.rooms.audit.flush();
    const { events } = await world.rooms.audit.search({ type: 'account.sign-in-suspected', limit: 10 });
    expect(events.filter(({ accountId }) => accountId === person.id)).toMatchObject([
      { detail: { unusual: 'account' } },
    ]);
    // This browser is known now: no code any more, whatever strangers do.
    const again = await open(agent, client);
    expect(again.status).toBe(303);
    expect((await mailsTo(person.email)).length).toBe(1);
  });

  test('S12 a wrong password never gets there: the same answer as for nobody, and no mail', async () => {
    const person = await seedPerson(world.rooms);
    const nobody = { email: `no-${person.email}`, password: wrong };
    await storm(person.email);
    await storm(nobody.email);
    const masked = async (typed: typeof nobody) => {
      const { status, text } = await attempt(createAgent(world.issuer), typed);
      return `${status} ${text.replaceAll(typed.email, 'EMAIL').replace(/interaction\/[\w-]+|visit=[\w-]+|name="csrf" value="[\w-]+"/g, '')}`;
    };
    expect(await masked({ email: person.email, password: wrong })).toBe(await masked(nobody));
    expect(await mailsTo(person.email)).toEqual([]);
  });

  test('S11 no other step is taken meanwhile, and the code is of this browser and this sign-in alone', async () => {
    const person = await seedPerson(world.rooms);
    await storm(person.email);
    const agent = createAgent(world.issuer);
    const page = await signIn(agent, await open(agent), person);
    const form = formTo(page, '/second-factor');
    const code = await codeFor(person.email);
    for (const action of ['sign-in', 'enrol', 'go-on', 'consent', 'code']) {
      const answer = await agent.post(form.action.replace('second-factor', action), {
        ...form.fields,
        ...person,
        code,
      });
      expect([action, answer.status, answer.location]).toEqual([action, 403, undefined]);
    }
    const stranger = createAgent(world.issuer);
    expect((await stranger.post(form.action, { ...form.fields, code })).status).toBe(403);
    expect((await agent.post(form.action, {})).status).toBe(403);
    expect(answerOf(await enter(agent, page, code)).get('code')).toBeTruthy();
    expect((await enter(agent, page, code)).status).not.toBe(200);
  });

  test('where policy demands that a factor be set up, the code comes first and stands in for none', async () => {
    const person = await seedPerson(world.rooms);
    await storm(person.email);
    const agent = createAgent(world.issuer);
    const asked = await signIn(agent, await open(agent, strict), person);
    expect(asked.text).toContain('this browser is new to your account');
    const next = await enter(agent, asked, await codeFor(person.email));
    expect([next.status, /<h1>(.*)<\/h1>/.exec(next.text)?.[1]]).toEqual([200, 'Set up a second step']);
  });

  test('without a rush nobody is asked', async () => {
    const person = await seedPerson(world.rooms);
    const tokens = await world.redeem(await world.browser(client, person).code('openid'), client);
    expect(payloadOf(tokens.json.id_token).acr).not.toBe('urn:cardea:acr:2');
  });
});
