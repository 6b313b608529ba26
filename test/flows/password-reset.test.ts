/** A forgotten password: the journey behind a mail scanner, and everything that could be wrong with it. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Agent, createAgent, formTo, type Page } from '../harness/agent.ts';
import { type Mailboxes, openMailboxes } from '../harness/mail-scanner.ts';
import {
  type Person,
  redirectUri,
  type SeededClient,
  seedPerson,
  seedWebClient,
  signIn,
} from '../harness/seed.ts';
import { moveClock } from './clock.ts';
import { authorizeQuery, openWorld, type World } from './world.ts';

const operator = { actor: { kind: 'operator' } } as const;
const fresh = 'a new and quite long password';
const clock = await moveClock();

/** From the address to the page that waits for the code. */
async function ask(agent: Agent, email: string, headers: Record<string, string> = {}): Promise<Page> {
  const form = formTo(await agent.get('/reset'), '/reset');
  return agent.follow(await agent.post(form.action, { ...form.fields, email }, headers));
}

async function openLink(agent: Agent, link: string): Promise<Page> {
  return agent.follow(await agent.get(link));
}

async function choose(agent: Agent, page: Page, password = fresh): Promise<Page> {
  const form = formTo(page, '/link');
  return agent.follow(await agent.post(form.action, { ...form.fields, password }));
}

async function typeCode(agent: Agent, page: Page, code: string): Promise<Page> {
  const form = formTo(page, '/reset/code');
  return agent.follow(await agent.post(form.action, { ...form.fields, code }));
}

const opens = async (world: World, { email }: Person, password: string) =>
  (await world.rooms.authenticate({ email, password, network: '127.0.0.1' })).kind === 'signed-in';

describe.each([
  ['full', 'smtp'],
  ['embedded', 'box'],
] as const)('a forgotten password on %s', (setup, kind) => {
  let world: World;
  let mailboxes: Mailboxes;
  let client: SeededClient;
  beforeAll(async () => {
    mailboxes = await openMailboxes(kind);
    world = await openWorld(setup, mailboxes.environment);
    client = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(async () => {
    await world?.close();
    await mailboxes?.close();
  });

  test('from the sign-in page by code, and on to the app; everything older is signed out', async () => {
    const person = await seedPerson(world.rooms);
    const elsewhere = world.browser(client, person);
    const before = await world.redeem(await elsewhere.code('openid offline_access'), client);
    expect(before.status).toBe(200);

    const agent = createAgent(world.issuer);
    const signInPage = await agent.follow(await agent.get(authorizeQuery(client)));
    const forgot = /href="([^"]*\/reset\?visit=[^"]+)"/.exec(signInPage.text)?.[1] ?? '';
    const asking = await agent.get(forgot);
    const form = formTo(asking, '/reset');
    const waiting = await agent.follow(
      await agent.post(form.action, { ...form.fields, email: person.email }),
    );
    expect(waiting.text).toContain('If there is an account for');
    const { code } = await mailboxes.next(world, person.email);
    const wrong = await typeCode(agent, waiting, code === '1111 1111' ? '2222 2222' : '1111 1111');
    expect(wrong.status).toBe(422);
    const chosen = await typeCode(agent, wrong, code);
    expect(chosen.text).toContain(person.email);
    expect((await choose(agent, chosen, 'short')).status).toBe(422);
    const done = await choose(agent, chosen);
    expect(done.text).toContain('Your password is changed');
    const goOn = /class="main" href="([^"]+)"/.exec(done.text)?.[1] ?? '';
    const again = await agent.follow(await agent.get(goOn));
    const landed = await signIn(agent, again, { ...person, password: fresh });
    expect(landed.location).toContain(`${redirectUri}?code=`);

    // Every process knows within its lease of a second.
    await vi.waitFor(
      async () => expect((await world.userinfo(before.json.access_token)).status).toBe(401),
      10_000,
    );
    expect((await world.refresh(before.json.refresh_token, client)).json.error).toBe('invalid_grant');
    expect(await opens(world, person, person.password)).toBe(false);
    const notice = await mailboxes.next(world, person.email);
    expect(notice.subject).toContain('was changed');
    const { entries } = await world.rooms.timeline.read({ accountId: person.id });
    const types = entries.map((entry) => (entry.kind === 'event' ? entry.event.type : entry.kind));
    expect(types).toEqual(expect.arrayContaining(['account.reset-asked', 'account.password-set']));
  });

  test('by link in another browser, which proves the address too; without a password before', async () => {
    const made = await world.rooms.accounts.create({ email: `bare-${setup}@example.com` }, operator);
    if (made.kind !== 'created') throw new Error(made.kind);
    const { account } = made;
    await ask(createAgent(world.issuer), account.email.toUpperCase());
    const { link } = await mailboxes.next(world, account.email);
    const other = createAgent(world.issuer);
    const page = await openLink(other, link);
    expect(page.text.match(/(?:href|src|action)="(?!\/)[^"]+"/g)).toBeNull();
    expect((await choose(other, page)).text).toContain('Your password is changed');
    expect((await world.rooms.accounts.find(account.id))?.emailVerified).toBe(true);
    expect(await opens(world, { ...account, password: fresh }, fresh)).toBe(true);
  });
});

describe('what a reset withstands, on two processes', () => {
  let world: World;
  let other: World;
  let mailboxes: Mailboxes;
  beforeAll(async () => {
    mailboxes = await openMailboxes('smtp');
    world = await openWorld('full', {
      ...mailboxes.environment,
      CARDEA_LIMIT_ASKED_MAIL_PER_ADDRESS: '1000/1m',
    });
    other = await world.second();
  });
  afterAll(async () => {
    clock.reset();
    await world?.close();
    await mailboxes?.close();
  });

  async function asked(): Promise<{ person: Person; agent: Agent; link: string; code: string; page: Page }> {
    const person = await seedPerson(world.rooms);
    const agent = createAgent(world.issuer);
    const page = await ask(agent, person.email);
    const { link, code } = await mailboxes.next(world, person.email);
    return { person, agent, link, code, page };
  }

  test('A2 reused, and twenty at once on two processes: one new password', async () => {
    const { person, link } = await asked();
    const agent = createAgent(world.issuer);
    const form = formTo(await openLink(agent, link), '/link');
    const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? world : other).ask('/link', {
          form: { ...form.fields, password: `${fresh} number ${n}` },
          headers: { cookie, origin: world.issuer },
        }),
      ),
    );
    const won = answers.flatMap(({ status }, n) => (status === 303 ? [n] : []));
    expect(won).toHaveLength(1);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303, 403]));
    expect(await opens(world, person, `${fresh} number ${won[0]}`)).toBe(true);
    expect((await openLink(createAgent(world.issuer), link)).status).toBe(410);
  });

  test('A2 older, after a password change, to an address of before, of a disabled account, and too old: gone', async () => {
    const older = await asked();
    await ask(older.agent, older.person.email);
    const cases: Record<string, (p: Person) => Promise<unknown>> = {
      changed: ({ id }) => world.rooms.accounts.setPassword(id, 'meanwhile another password', operator),
      moved: ({ id, email }) => world.rooms.accounts.update(id, { email: `moved-${email}` }, operator),
      disabled: ({ id }) => world.rooms.accounts.disable(id, operator),
      expired: async () => clock.move(15 * 60),
    };
    const links = [older.link];
    for (const act of Object.values(cases)) {
      const { person, link, page, agent, code } = await asked();
      await act(person);
      expect((await typeCode(agent, page, code)).status).toBe(422);
      links.push(link);
    }
    for (const link of [...links, `${world.issuer}/link/${'x'.repeat(43)}`, older.link.slice(0, -5)]) {
      const page = await openLink(createAgent(world.issuer), link);
      expect([page.status, page.text.includes('This link no longer works')]).toEqual([410, true]);
    }
    clock.reset();
  });

  test('A2, A4 a code opens its own address alone, five tries for all processes together', async () => {
    const [mine, theirs] = [await asked(), await asked()];
    const form = formTo(mine.page, '/reset/code');
    const type = (agent: Agent, email: string, code: string) =>
      agent.post(form.action, { ...form.fields, email, code });
    expect((await type(mine.agent, theirs.person.email, mine.code)).status).toBe(422);
    const cookie = mine.agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const wrong = ['0000 0000', '0000 0001'].find((code) => code !== mine.code) ?? '';
    const guesses = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? world : other).ask('/reset/code', {
          form: { ...form.fields, email: mine.person.email, code: wrong },
          headers: { cookie, origin: world.issuer },
        }),
      ),
    );
    expect(new Set(guesses.map(({ status }) => status))).toEqual(new Set([422]));
    expect((await type(mine.agent, mine.person.email, mine.code)).status).toBe(422);
    // Nobody can void the mailed link by guessing at its code.
    expect((await openLink(createAgent(world.issuer), mine.link)).status).toBe(200);
    expect((await typeCode(theirs.agent, theirs.page, theirs.code)).text).toContain(theirs.person.email);
  });

  test('S11, A4 every POST out of order, empty, replayed or from another browser changes nothing', async () => {
    const { person, agent, page, link } = await asked();
    const stranger = createAgent(world.issuer);
    const csrf = formTo(page, '/reset/code').fields.csrf ?? '';
    const theirs = formTo(await stranger.get('/reset'), '/reset').fields.csrf ?? '';
    const attempts: readonly (readonly [Agent, string, Record<string, string>, number])[] = [
      [agent, '/link', { csrf, password: fresh, email: person.email }, 403],
      [agent, '/link', { csrf, link: person.id, password: fresh, email: person.email }, 403],
      [agent, '/link', { csrf, link: '', password: fresh }, 403],
      [agent, '/link', {}, 403],
      [agent, '/reset', {}, 403],
      [agent, '/reset/code', {}, 403],
      [agent, '/reset/code', { csrf: theirs, email: person.email, code: '1' }, 403],
      [stranger, '/reset/code', { csrf, email: person.email, code: '1' }, 403],
      [agent, '/reset/code', { csrf }, 422],
      [agent, '/reset', { csrf, email: 'not an address' }, 422],
    ];
    for (const [by, path, fields, status] of attempts) {
      const answer = await by.post(path, fields);
      expect(answer.status, `${path} ${Object.keys(fields)}`).toBe(status);
      expect(answer.text).toMatch(/<button|<a class="(?:main|second)"/);
    }
    for (const path of ['/reset', '/reset/code', '/link']) {
      expect((await agent.post(path, { csrf }, { origin: 'https://evil.example' })).status).toBe(403);
    }
    // The page of the live link, sent from a browser that never opened it.
    const form = formTo(await openLink(createAgent(world.issuer), link), '/link');
    expect((await stranger.post('/link', { ...form.fields, password: fresh })).status).toBe(403);
    expect(await opens(world, person, person.password)).toBe(true);
  });

  test('S12 known, unknown, disabled, unverified and spent: the same bytes, headers and cookies', async () => {
    const [known, disabled, unverified] = [
      await seedPerson(world.rooms, 'aaaaaaaa@example.com'),
      await seedPerson(world.rooms, 'bbbbbbbb@example.com'),
      await seedPerson(world.rooms, 'cccccccc@example.com'),
    ];
    await world.rooms.accounts.disable(disabled.id, operator);
    await world.rooms.accounts.setEmailVerified(unverified.id, false, operator);
    const seen = async (email: string) => {
      const agent = createAgent(world.issuer);
      const form = formTo(await agent.get('/reset'), '/reset');
      const moved = await agent.post(form.action, { ...form.fields, email });
      const page = await agent.follow(moved);
      const code = formTo(page, '/reset/code');
      const refused = await agent.post(code.action, { ...code.fields, code: '1234 5678' });
      const own = [email, Buffer.from(email).toString('base64url'), code.fields.csrf ?? ''];
      const blind = (text: string) =>
        own.reduce((rest, secret) => rest.replaceAll(secret, '*'), text).replace(/expires=[^;]+/g, 'expires');
      return [moved, page, refused].map(({ status, headers, text }) => {
        const kept = [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name));
        return [status, blind(JSON.stringify(kept)), blind(text)];
      });
    };
    const wanted = await seen(known.email);
    expect(wanted[0]?.[0]).toBe(303);
    for (const email of [disabled.email, unverified.email, 'dddddddd@example.com']) {
      expect(await seen(email)).toEqual(wanted);
    }
    expect(await mailboxes.all(world, disabled.email)).toEqual([]);
    expect(await mailboxes.all(world, 'dddddddd@example.com')).toEqual([]);
  });

  test('A1 a link names the issuer of the settings, whatever the request says', async () => {
    const person = await seedPerson(world.rooms);
    await ask(createAgent(world.issuer), person.email, {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.example',
      'x-forwarded-for': '203.0.113.9',
    });
    const letter = await mailboxes.next(world, person.email);
    expect(letter.link.startsWith(`${world.issuer}/link/`)).toBe(true);
    expect(`${letter.text}${letter.html}`).not.toContain('evil');
    const poisoned = await world.ask('/reset', {
      form: { email: person.email },
      headers: { host: 'evil.example' },
    });
    expect([400, 421]).toContain(poisoned.status);
  });
});
