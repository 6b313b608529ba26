/** A sign-in as a sequence of steps: only the next one is taken (S11), and no path is shorter than another (S19). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { levels } from '../../src/protocol/levels.ts';
import { codeOf } from '../factors/rooms.ts';
import { type Agent, formsOf, formTo, type Page } from '../harness/agent.ts';
import { createBrowser } from '../harness/codes.ts';
import {
  createAgent,
  type Person,
  redirectUri,
  type SeededClient,
  seedPerson,
  seedWebClient,
  signIn,
} from '../harness/seed.ts';
import { authorizeQuery, openWorld, payloadOf, type World } from './world.ts';

const [one, two] = levels;
const by = { actor: { kind: 'operator' } } as const;
let world: World;
let second: World;
let client: SeededClient;
let strict: SeededClient;

const demand = (...values: string[]) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, values }, amr: null, auth_time: null } }),
});
const open = async (agent: Agent, more: Record<string, string> = {}, at = client) =>
  agent.follow(await agent.get(authorizeQuery(at, more)));
const answerOf = (page: Page) => new URL(String(page.location)).searchParams;

/** The newest code that was mailed to that address. */
async function mailedCode(email: string): Promise<string> {
  const mail = (await world.rooms.mail.box()).find((one) => one.to === email);
  const code = /\b\d{4} \d{4}\b/.exec(mail?.text ?? '')?.[0];
  if (!code) throw new Error(`no code was mailed to ${email}`);
  return code;
}

/** Has a code sent from the page of the second step. @returns the page with the field */
async function send(agent: Agent, page: Page): Promise<Page> {
  const form = formTo(page, '/second-factor');
  return agent.follow(await agent.post(form.action, { ...form.fields }));
}

async function enter(agent: Agent, page: Page, code: string): Promise<Page> {
  const form = formTo(page, '/second-factor');
  return agent.follow(await agent.post(form.action, { ...form.fields, code }));
}

/** Password and mailed code, of a fresh browser unless one is given. */
async function twoSteps(person: Person, more = demand(two), agent = createAgent(world.issuer)) {
  const waiting = await send(agent, await signIn(agent, await open(agent, more), person));
  return { agent, back: await enter(agent, waiting, await mailedCode(person.email)) };
}

/** To the second step of a sign-in, with the code on its way. */
async function half(person: Person) {
  const agent = createAgent(world.issuer);
  const page = await send(agent, await signIn(agent, await open(agent, demand(two)), person));
  return { agent, page };
}

const actions = ['sign-in', 'second-factor', 'enrol', 'go-on', 'start-over', 'consent', 'nothing'];
/** Every action at this page that is not among `taken`, each also empty, by another browser, and on the other process. */
async function refusals(agent: Agent, page: Page, person: Person, taken: readonly string[]) {
  const base = new URL(page.url).pathname.split('/').slice(0, 3).join('/');
  const fields = {
    ...formsOf(page).find(({ fields }) => fields.csrf)?.fields,
    email: person.email,
    password: person.password,
    code: await mailedCode(person.email).catch(() => '1234 5678'),
    factor: 'email',
    account: person.id,
    proved: 'yes',
  };
  const stranger = createAgent(world.issuer);
  const seen = new Set<string>();
  for (const action of actions) {
    const path = `${base}/${action}`;
    const answers = [
      await stranger.post(path, fields),
      await agent.post(path, {}),
      ...(taken.includes(action)
        ? []
        : [
            await agent.post(path, fields),
            await createAgent(second.issuer, agent.cookies).post(path, fields),
          ]),
    ];
    for (const answer of answers) {
      if (action === 'nothing') expect([403, 404]).toContain(answer.status);
      else expect(`${action} ${answer.status}`).toBe(`${action} 403`);
      expect(answer.location).toBeUndefined();
    }
    seen.add(action);
  }
  expect(seen.size).toBe(actions.length);
}

/** An authenticator app, as its holder's phone has it, and the recovery codes that were shown with it. */
async function withApp(person: Person) {
  const at = { accountId: person.id, place: 'test', isStrong: false };
  const begun = await world.rooms.factors.begin(at);
  if (begun.kind !== 'begun') throw new Error(begun.kind);
  const secret = begun.enrolment.key.replaceAll(' ', '');
  const added = await world.rooms.factors.confirm(at, { code: codeOf(world.rooms, secret) }, by);
  if (added.kind !== 'added') throw new Error(added.kind);
  // The first code is spent; the next step's is within the window.
  return { code: codeOf(world.rooms, secret, 1), recovery: [...(added.recoveryCodes ?? [])] };
}

async function recover(agent: Agent, page: Page, code: string | undefined): Promise<Page> {
  return enter(agent, await agent.get(`${page.url.split('?')[0]}?factor=recovery`), code ?? '');
}

describe.each(['full', 'embedded'] as const)('on %s', (setup) => {
  beforeAll(async () => {
    world = await openWorld(setup, { CARDEA_LIMIT_CODES_PER_ACCOUNT: '1000000/1m' });
    // The embedded database serves one process.
    second = setup === 'full' ? await world.second() : world;
    client = await seedWebClient(world.rooms, { firstParty: true });
    strict = await seedWebClient(world.rooms, { firstParty: true, secondFactor: 'required' });
  });
  afterAll(() => world?.close());

  describe('an authenticator app', () => {
    test('is asked for at every sign-in, by default; a recovery code stands in, once', async () => {
      const person = await seedPerson(world.rooms);
      const { code, recovery } = await withApp(person);
      const agent = createAgent(world.issuer);
      const asked = await signIn(agent, await open(agent), person);
      expect(asked.text).toContain('autocomplete="one-time-code"');
      expect(answerOf(await agent.get(authorizeQuery(client, { prompt: 'none' }))).get('error')).toBe(
        'login_required',
      );
      const told = async () => {
        const { events } = await world.rooms.audit.search({ accountId: person.id, limit: 20 });
        const types = ['account.signed-in', 'first-factor.accepted', 'second-factor.accepted'];
        return events.filter(({ type }) => types.includes(type)).map(({ type, detail }) => [type, detail]);
      };
      // Half a sign-in is none, and is told as a half.
      expect(await told()).toEqual([['first-factor.accepted', { amr: ['pwd'] }]]);
      expect(answerOf(await enter(agent, asked, code)).get('code')).toBeTruthy();
      expect(await told()).toMatchObject([
        ['account.signed-in', { amr: ['pwd', 'otp', 'mfa'] }],
        ['second-factor.accepted', { factor: 'totp' }],
        ['first-factor.accepted', {}],
      ]);
      for (const [tried, status] of [
        [recovery[0], 303],
        [recovery[0], 422],
      ] as const) {
        const other = createAgent(world.issuer);
        const page = await signIn(other, await open(other), person);
        const form = formTo(await other.get(`${page.url}?factor=recovery`), '/second-factor');
        const answer = await other.post(form.action, { ...form.fields, code: tried ?? '' });
        expect(answer.status).toBe(status);
      }
    });

    test('the ID token says what was proved; a fresh sign-in is fresh in both', async () => {
      const person = await seedPerson(world.rooms);
      const { code, recovery } = await withApp(person);
      const agent = createAgent(world.issuer);
      await enter(agent, await signIn(agent, await open(agent), person), code);
      const browser = createBrowser(world.issuer, client, person, redirectUri, agent);
      const silent = await browser.code('openid', { prompt: 'none', ...demand(one) });
      const told = await world.redeem(silent, client);
      expect(payloadOf(told.json.id_token)).toMatchObject({ acr: one, amr: ['pwd', 'otp', 'mfa'] });
      for (const more of [{ prompt: 'login' }, { max_age: '0' }]) {
        const again = await signIn(agent, await open(agent, more), person);
        expect(again.location).toBeUndefined();
        expect(answerOf(await recover(agent, again, recovery.pop())).get('code')).toBeTruthy();
      }
      const last = await world.redeem(
        await browser.code('openid', { prompt: 'none', ...demand(two) }),
        client,
      );
      expect(payloadOf(last.json.id_token)).toMatchObject({ acr: two, amr: ['pwd', 'recovery', 'mfa'] });
    });

    test('a wish asks those who have one, and only for it; no mailed code beside it', async () => {
      const person = await seedPerson(world.rooms);
      const browser = world.browser(client, person);
      await browser.code('openid');
      const { code } = await withApp(person);
      const page = await open(browser.agent, { acr_values: two });
      expect(page.text).not.toContain('/sign-in"');
      expect(page.text).not.toContain('factor=email');
      expect(answerOf(await enter(browser.agent, page, code)).get('code')).toBeTruthy();
    });

    test('is set up in the middle of a sign-in that demands one; nothing goes on before, and nothing is skipped', async () => {
      const person = await seedPerson(world.rooms);
      const agent = createAgent(world.issuer);
      const page = await signIn(agent, await open(agent, demand(two), strict), person);
      const base = page.url.split('?')[0] ?? '';
      await refusals(agent, await agent.get(`${base}?factor=none`), person, ['enrol', 'start-over']);
      const app = await agent.get(`${base}?factor=totp`);
      const key = /[A-Z2-7]{4}(?: [A-Z2-7]{4}){7}/.exec(app.text)?.[0] ?? '';
      const code = codeOf(world.rooms, key.replaceAll(' ', ''));
      const form = formTo(app, '/enrol');
      const codes = await agent.post(form.action, { ...form.fields, code });
      expect(codes.status).toBe(200);
      await refusals(agent, codes, person, ['go-on', 'start-over']);
      // Reloading shows no code again, and loses nothing.
      expect((await agent.get(base)).text).toContain('/go-on"');
      const on = formTo(codes, '/go-on');
      const back = await agent.follow(await agent.post(on.action, { ...on.fields }));
      expect(answerOf(back).get('code')).toBeTruthy();
      expect((await agent.post(on.action, { ...on.fields })).status).toBe(403);
      const silent = await agent.get(authorizeQuery(strict, { prompt: 'none', ...demand(two) }));
      expect(answerOf(silent).get('code')).toBeTruthy();
    });
  });

  describe('acr and amr tell what was proved', () => {
    test('a demanded second factor is asked for, and told', async () => {
      const person = await seedPerson(world.rooms);
      const { agent, back } = await twoSteps(person);
      expect(answerOf(back).get('code')).toBeTruthy();
      const silent = await agent.get(authorizeQuery(client, { prompt: 'none', ...demand(two) }));
      expect(answerOf(silent).get('code')).toBeTruthy();
    });

    test('a session is stepped up by what is missing, for the same account, and is no fresher for it', async () => {
      const browser = world.browser(client);
      const first = await world.redeem(await browser.code('openid', demand(one)), client);
      const { auth_time: before } = payloadOf(first.json.id_token);
      expect(before).toEqual(expect.any(Number));
      const silent = await browser.agent.get(authorizeQuery(client, { prompt: 'none', ...demand(two) }));
      expect(answerOf(silent).get('error')).toBe('login_required');
      const page = await open(browser.agent, demand(two));
      expect(page.text).not.toContain('/sign-in"');
      expect(page.text).toContain(world.person.email);
      const back = await enter(
        browser.agent,
        await send(browser.agent, page),
        await mailedCode(world.person.email),
      );
      expect(answerOf(back).get('code')).toBeTruthy();
      const after = await world.redeem(
        await browser.code('openid', { prompt: 'none', ...demand(two) }),
        client,
      );
      expect(payloadOf(after.json.id_token)).toMatchObject({
        acr: two,
        amr: ['pwd', 'email', 'mfa'],
        auth_time: before,
      });
    });

    test('a wish is asked for once where it can be reached, and fails nothing', async () => {
      const browser = world.browser(client);
      await browser.code('openid');
      const silent = await browser.agent.get(authorizeQuery(client, { prompt: 'none', acr_values: two }));
      expect(answerOf(silent).get('code')).toBeTruthy();
      const without = await open(browser.agent, { acr_values: two });
      expect(answerOf(without).get('code')).toBeTruthy();
      const weaker = await open(browser.agent, { acr_values: `${one} ${two}` });
      expect(answerOf(weaker).get('code')).toBeTruthy();
    });

    test('prompt=login asks for both factors again', async () => {
      const person = await seedPerson(world.rooms);
      const { agent } = await twoSteps(person);
      const page = await open(agent, { ...demand(two), prompt: 'login' });
      expect(page.text).toContain('/sign-in"');
      expect((await signIn(agent, page, person)).text).toContain('/second-factor"');
    });
  });

  // Which step comes next is decided by the pages, whatever stores what was proved.
  if (setup !== 'full') return;

  describe('S19 no path is shorter', () => {
    test('after the password alone: the resume address, the front page, the portal and a silent request give nothing', async () => {
      const person = await seedPerson(world.rooms);
      const { agent, page } = await half(person);
      const uid = new URL(page.url).pathname.split('/').at(-1) ?? '';
      for (const server of [world, second]) {
        const other = createAgent(server.issuer, agent.cookies);
        expect((await other.get('/')).text).not.toContain(person.email);
        const silent = await other.get(authorizeQuery(client, { prompt: 'none' }));
        expect(answerOf(silent).get('error')).toBe('login_required');
        expect(new URL(String((await other.get('/account')).location)).pathname).toBe('/oauth2/authorize');
      }
      const resumed = await agent.follow(await agent.get(`/oauth2/authorize/${uid}`));
      expect(resumed.text).toContain('/sign-in"');
      expect(resumed.text).not.toContain('/second-factor"');
    });

    test('what a client demands holds for a session that was begun at another', async () => {
      const browser = world.browser(client);
      await browser.code('openid');
      const silent = await browser.agent.get(authorizeQuery(strict, { prompt: 'none' }));
      expect(answerOf(silent).get('error')).toBe('login_required');
      // This account has set nothing up: what was proved at an earlier sign-in is no ground for that.
      const known = await open(browser.agent, {}, strict);
      expect(known.text).toContain('/sign-in"');
      const page = await signIn(browser.agent, known, world.person);
      // A mailed code is not enough for a policy.
      expect(page.url).toContain('/interaction/');
      expect(page.text).toContain('?factor=totp"');
      expect(page.text).toContain('asks for more than a password');
      expect(page.text).not.toContain('/second-factor"');
      const uid = new URL(page.url).pathname.split('/').at(-1) ?? '';
      const resumed = await browser.agent.follow(await browser.agent.get(`/oauth2/authorize/${uid}`));
      expect(resumed.location).toBeUndefined();
    });

    test('a role and an account demand it too, of sessions that are there already', async () => {
      const audience = 'https://roles.example.com';
      await world.rooms.roles.create({ audience, name: 'payer', secondFactor: 'required' }, by);
      const people = { role: await seedPerson(world.rooms), account: await seedPerson(world.rooms) };
      const agents = {
        role: world.browser(client, people.role),
        account: world.browser(client, people.account),
      };
      for (const browser of Object.values(agents)) await browser.code('openid');
      await world.rooms.roles.grant(people.role.id, { role: 'payer', audience }, by);
      await world.rooms.accounts.setSecondFactor(people.account.id, 'required', by);
      await world.rooms.lease.renew();
      for (const [said, { agent }] of Object.entries(agents)) {
        const silent = await agent.get(authorizeQuery(client, { prompt: 'none' }));
        expect(answerOf(silent).get('error')).toBe('login_required');
        const page = await open(agent);
        expect(page.text).toContain('/sign-in"');
        // It is not the app that asks.
        const enrol = await signIn(agent, page, people[said as keyof typeof people]);
        expect(enrol.text).toContain('Your account needs more than a password here');
      }
    });

    test('S19 an authenticator app that was set up since is asked for in sessions that are there already', async () => {
      const person = await seedPerson(world.rooms);
      const { agent, code } = world.browser(client, person);
      await code('openid');
      const at = { accountId: person.id, place: 'another session', isStrong: false };
      const begun = await world.rooms.factors.begin(at);
      if (begun.kind !== 'begun') throw new Error(begun.kind);
      const secret = begun.enrolment.key.replaceAll(' ', '');
      const by = { actor: { kind: 'account', id: person.id } } as const;
      const typed = { code: codeOf(world.rooms, secret) };
      expect(await world.rooms.factors.confirm(at, typed, by)).toMatchObject({ kind: 'added' });
      await world.rooms.lease.renew();
      const silent = await agent.get(authorizeQuery(client, { prompt: 'none' }));
      expect(answerOf(silent).get('error')).toBe('login_required');
      const page = await open(agent);
      expect(page.text).toContain('/second-factor"');
      const back = await enter(agent, page, codeOf(world.rooms, secret, 1));
      expect(answerOf(back).get('code')).toBeTruthy();
      const again = await agent.get(authorizeQuery(client, { prompt: 'none' }));
      expect(answerOf(again).get('code')).toBeTruthy();
    });

    test('a device is approved at the level of its client only', async () => {
      const device = await world.rooms.clients.create(
        { name: 'TV', type: 'device', secondFactor: 'required' },
        by.actor,
      );
      if (device.kind !== 'created') throw new Error(JSON.stringify(device));
      const { json } = await world.ask('/oauth2/device_authorization', {
        form: { client_id: device.client.clientId, scope: 'openid' },
      });
      const { user_code: userCode } = json as unknown as { user_code: string };
      const { agent } = world.browser(client);
      let page = await agent.follow(await agent.get(`/device?user_code=${userCode}`));
      for (let step = 0; step < 3 && !page.text.includes('/sign-in"'); step += 1) {
        const form = formTo(page, '/device');
        const fields = { ...form.fields, user_code: userCode, confirm: 'yes' };
        page = await agent.follow(await agent.post(form.action, fields));
      }
      page = await signIn(agent, page, world.person);
      expect(page.text).toContain('?factor=totp"');
      const polled = await world.token({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        client_id: device.client.clientId,
        device_code: (json as unknown as { device_code: string }).device_code,
      });
      expect(polled.json.error).toBe('authorization_pending');
    });

    test('a refresh is no sign-in: what was granted before a policy goes on', async () => {
      const person = await seedPerson(world.rooms);
      const browser = world.browser(client, person);
      const { json } = await world.redeem(
        await browser.code('openid offline_access', { prompt: 'consent' }),
        client,
      );
      await world.rooms.accounts.setSecondFactor(person.id, 'required', by);
      await world.rooms.lease.renew();
      const refreshed = await world.refresh(json.refresh_token, client);
      expect(refreshed.status).toBe(200);
    });
  });

  describe('S11 only the next step is taken', () => {
    test('at the sign-in, at the second step, and afterwards', async () => {
      const person = await seedPerson(world.rooms);
      const agent = createAgent(world.issuer);
      const first = await open(agent, demand(two));
      await refusals(agent, first, person, ['sign-in']);
      const asked = await signIn(agent, first, person);
      const waiting = await send(agent, asked);
      await refusals(agent, waiting, person, ['second-factor', 'start-over']);
      const code = await mailedCode(person.email);
      const elsewhere = createAgent(second.issuer, agent.cookies);
      const back = await enter(elsewhere, waiting, code);
      expect(answerOf(back).get('code')).toBeTruthy();
      // Over: the same forms again, from this browser, go nowhere but back to the beginning.
      for (const page of [asked, waiting]) {
        const form = formTo(page, '/second-factor');
        const again = await agent.post(form.action, { ...form.fields, code });
        expect(again.status).toBe(403);
      }
    });

    test('a factor that is not next, a wrong code, and another person’s code are refused; the right one still works', async () => {
      const person = await seedPerson(world.rooms);
      const other = await seedPerson(world.rooms);
      const { agent, page } = await half(person);
      const theirs = await half(other);
      const form = formTo(page, '/second-factor');
      for (const factor of ['totp', 'passkey', 'recovery', 'constructor', '']) {
        const answer = await agent.post(form.action, { ...form.fields, factor, code: '123456' });
        expect(answer.status).toBe(403);
      }
      const foreign = await agent.post(form.action, { ...form.fields, code: await mailedCode(other.email) });
      expect(foreign.status).toBe(422);
      expect(foreign.text).toMatch(
        /id="code"[^>]*aria-describedby="code-fault code-hint" aria-invalid="true"/,
      );
      const crossed = await enter(theirs.agent, theirs.page, await mailedCode(person.email));
      expect(crossed.status).toBe(422);
      expect((await agent.post(form.action, { ...form.fields, code: '' })).status).toBe(422);
      const back = await enter(agent, page, await mailedCode(person.email));
      expect(answerOf(back).get('code')).toBeTruthy();
    });

    test('starting over forgets the first factor; going back in the browser shows the step that is next', async () => {
      const person = await seedPerson(world.rooms);
      const { agent, page } = await half(person);
      const uid = new URL(page.url).pathname;
      expect((await agent.follow(await agent.get(`${uid}/sign-in`))).text).toContain('/second-factor"');
      const over = formTo(page, '/start-over');
      const fresh = await agent.follow(await agent.post(over.action, { ...over.fields }));
      expect(fresh.text).toContain('/sign-in"');
      const late = formTo(page, '/second-factor');
      const refused = await agent.post(late.action, { ...late.fields, code: await mailedCode(person.email) });
      expect(refused.status).toBe(403);
    });

    test('one code is one proof: of two that bring it at once, on two processes, one goes on', async () => {
      const person = await seedPerson(world.rooms);
      const { agent, page } = await half(person);
      const code = await mailedCode(person.email);
      const agents = [agent.clone(), createAgent(second.issuer, agent.cookies)];
      const form = formTo(page, '/second-factor');
      const answers = await Promise.all(agents.map((one) => one.post(form.action, { ...form.fields, code })));
      expect(answers.map(({ status }) => status).sort()).toEqual([303, 422]);
    });
  });
});
