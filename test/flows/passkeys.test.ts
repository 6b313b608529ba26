/**
 * Signing in by passkey over HTTP, with an authenticator in software: on two processes, out of order, from another
 * browser, as the second factor, and without a password.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, createAgent, formsOf, formTo, type Page } from '../harness/agent.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { askPort } from '../harness/two.ts';
import { type CreationOptions, type Credential, createAuthenticator } from '../passkeys/authenticator.ts';
import { authorizeQuery, everySetup, openWorld, payloadOf, type World } from './world.ts';

const PAGE = 'the page of this test';

describe.each(everySetup.filter(([setup]) => setup !== 'plain'))('passkeys %s', (setup) => {
  let world: World;
  let client: SeededClient;
  let authenticator: ReturnType<typeof createAuthenticator>;
  beforeAll(async () => {
    world = await openWorld(setup);
    client = await seedWebClient(world.rooms, { firstParty: true });
    authenticator = createAuthenticator(world.issuer);
  });
  afterAll(() => world?.close());

  async function addPasskey({ id, email }: Person): Promise<Credential> {
    const { passkeys } = world.rooms;
    if (!passkeys) throw new Error('no passkeys here');
    const options = (await passkeys.adding.options({ id, email }, PAGE)) as CreationOptions;
    const { response, credential } = authenticator.create(options);
    const by = { actor: { kind: 'account', id } } as const;
    const added = await passkeys.adding.add({ holder: { id }, bound: PAGE, response, by });
    if (added.kind !== 'added') throw new Error(added.kind);
    return credential;
  }
  const open = (agent: Agent, change: Record<string, string> = {}): Promise<Page> =>
    agent.get(authorizeQuery(client, change)).then(agent.follow);
  const optionsOf = async (agent: Agent, page: Page): Promise<{ challenge: string }> =>
    JSON.parse((await agent.get(`${page.url}/passkey-options`)).text);
  const send = (agent: Agent, page: Page, credential: string) => {
    const form = formTo(page, '/passkey');
    return agent.post(form.action, { ...form.fields, remember: 'yes', credential });
  };
  const codeOf = async (agent: Agent, answer: Page) => {
    const end = await agent.follow(answer);
    return new URL(end.location ?? 'none:').searchParams.get('code');
  };

  test('signs in with what was proved in the token; S12 the options name nobody, whoever is hinted at', async () => {
    const person = await seedPerson(world.rooms);
    const credential = await addPasskey(person);
    const agent = createAgent(world.issuer);
    const page = await open(agent, { login_hint: person.email });
    const options = await optionsOf(agent, page);
    const stranger = createAgent(world.issuer);
    const other = await optionsOf(stranger, await open(stranger, { login_hint: 'nobody@example.com' }));
    expect({ ...options, challenge: '' }).toEqual({ ...other, challenge: '' });
    expect(JSON.stringify(options)).not.toContain(credential.id);

    const query = authorizeQuery(client, { prompt: 'login' });
    const again = await agent.follow(await agent.get(query));
    const answer = await send(agent, again, authenticator.get(await optionsOf(agent, again), credential));
    expect(await codeOf(agent, answer)).toBeTruthy();
    const session = await agent.follow(await agent.get(authorizeQuery(client, { prompt: 'none' })));
    expect(session.location).toContain('code=');
  });

  test('the token says so: acr 3, pop, user, mfa', async () => {
    const person = await seedPerson(world.rooms);
    const credential = await addPasskey(person);
    const browser = world.browser(client, person);
    const claims = JSON.stringify({ id_token: { acr: null, amr: null } });
    const page = await open(browser.agent);
    await browser.agent.follow(
      await send(browser.agent, page, authenticator.get(await optionsOf(browser.agent, page), credential)),
    );
    const tokens = await world.redeem(await browser.code('openid', { claims }), client);
    expect(payloadOf(tokens.json.id_token)).toMatchObject({
      sub: person.id,
      acr: 'urn:cardea:acr:3',
      amr: ['pop', 'user', 'mfa'],
    });
  });

  test('S21, S11 a challenge of another browser, page or time, an empty form and a replay are refused with a way on', async () => {
    const person = await seedPerson(world.rooms);
    const credential = await addPasskey(person);
    const mine = createAgent(world.issuer);
    const page = await open(mine);
    const theirs = createAgent(world.issuer);
    const theirPage = await open(theirs);
    const forThem = authenticator.get(await optionsOf(theirs, theirPage), credential);
    const refused = [
      await send(mine, page, forThem),
      await send(mine, page, ''),
      await send(mine, page, '{}'),
      await send(mine, page, authenticator.get({ challenge: 'AAAA' }, credential)),
    ];
    for (const { status, text } of refused) {
      expect(status).toBe(422);
      expect(text).toContain('/sign-in"');
    }
    // Another browser's form, with everything that stood in it, does nothing here.
    const stolen = formTo(theirPage, '/passkey');
    const response = authenticator.get(await optionsOf(theirs, theirPage), credential);
    const elsewhere = await mine.post(stolen.action, { ...stolen.fields, credential: response });
    expect(elsewhere.status).toBe(403);
    expect((await mine.get(`${theirPage.url}/passkey-options`)).status).toBe(410);
    const used = authenticator.get(await optionsOf(mine, page), credential);
    expect(await codeOf(mine, await send(mine, page, used))).toBeTruthy();
    expect((await send(mine, page, used)).status).toBe(403);
  });

  test('a passkey-only account: its password form answers like a wrong password', async () => {
    const made = await world.rooms.accounts.create(
      { email: `only-${setup}@example.com`, emailVerified: true },
      { actor: { kind: 'operator' } },
    );
    if (made.kind !== 'created') throw new Error(made.kind);
    const only = { id: made.account.id, email: made.account.email, password: '' };
    const credential = await addPasskey(only);
    const agent = createAgent(world.issuer);
    const page = await open(agent);
    const form = formTo(page, '/sign-in');
    const tried = async (email: string) => {
      const { status, text } = await agent.post(form.action, {
        ...form.fields,
        email,
        password: 'not a password here',
      });
      return { status, text: text.replaceAll(email, '') };
    };
    expect(await tried(only.email)).toEqual(await tried(world.person.email));
    const answer = await send(agent, page, authenticator.get(await optionsOf(agent, page), credential));
    expect(await codeOf(agent, answer)).toBeTruthy();
  });

  test('S19 as the second factor it is taken of the same account only, and without it nobody is in', async () => {
    const strict = await seedWebClient(world.rooms, { firstParty: true, secondFactor: 'passkey' });
    const [ada, eve] = [await seedPerson(world.rooms), await seedPerson(world.rooms)];
    const [hers, others] = [await addPasskey(ada), await addPasskey(eve)];
    const agent = createAgent(world.issuer);
    const first = await agent.follow(await agent.get(authorizeQuery(strict)));
    const form = formTo(first, '/sign-in');
    const typed = { ...form.fields, email: ada.email, password: ada.password };
    const page = await agent.follow(await agent.post(form.action, typed));
    const ask = (from: Page) => {
      const text = /data-ask="([^"]*)"/.exec(from.text)?.[1] ?? '{}';
      return JSON.parse(text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))));
    };
    const prove = (from: Page, credential: string) => {
      const second = formTo(from, '/second-factor');
      return agent.post(second.action, { ...second.fields, credential });
    };
    expect((await agent.get('/account')).location).toContain('/oauth2/authorize');
    const wrong = await prove(page, authenticator.get(ask(page), others));
    expect(wrong.status).toBe(422);
    expect(await codeOf(agent, await prove(wrong, authenticator.get(ask(wrong), hers)))).toBeTruthy();
  });

  test('the offer stops nobody whose browser has not said that it can', async () => {
    const agent = createAgent(world.issuer);
    const page = await open(agent);
    const form = formTo(page, '/sign-in');
    const { email, password } = await seedPerson(world.rooms);
    const answer = await agent.post(form.action, { ...form.fields, email, password });
    expect(await codeOf(agent, answer)).toBeTruthy();
    expect(formsOf(page).map(({ action }) => new URL(action).pathname.split('/').at(-1))).toContain(
      'passkey',
    );
  });

  // Two processes need stores that both can reach.
  if (setup !== 'full') return;

  test('S21 one challenge at two processes, 10 times each at once: one sign-in', async () => {
    const second = await world.second();
    const person = await seedPerson(world.rooms);
    const credential = await addPasskey(person);
    const agent = createAgent(world.issuer);
    const page = await open(agent);
    const form = formTo(page, '/passkey');
    const response = authenticator.get(await optionsOf(agent, page), credential);
    const headers = {
      cookie: agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
      origin: world.issuer,
    };
    const ports = [world, second].flatMap(({ server }) => Array<number>(10).fill(server.settings.port));
    const answers = await Promise.all(
      ports.map((port) =>
        askPort(port, new URL(world.issuer).host, new URL(form.action).pathname, {
          form: { ...form.fields, credential: response },
          headers,
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 303 || (status >= 400 && status < 500))).toHaveLength(
      20,
    );
  });
});
