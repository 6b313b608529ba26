/** What a thief, a second tab or a broken-off journey can make of a sign-in on the real server. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authorizeQuery, freshAgent, openWorld, payloadOf, type World } from '../flows/world.ts';
import { type Agent, createAgent, type Form, formTo, type Page } from '../harness/agent.ts';
import {
  allow,
  type Person,
  type SeededClient,
  seedApi,
  seedPerson,
  seedWebClient,
  signIn,
} from '../harness/seed.ts';

let world: World;
let web: SeededClient;
let agent: Agent;
beforeAll(async () => {
  world = await openWorld();
  web = await seedWebClient(world.rooms, { name: 'Orders' });
  await seedApi(world.rooms);
});
afterAll(() => world?.close());
beforeEach(() => {
  agent = freshAgent(world);
});

const open = async (by: Agent, change: Record<string, string | undefined> = {}, client = web) =>
  by.follow(await by.get(authorizeQuery(client, change)));
const send = (by: Agent, { action, fields }: Form, more: Record<string, string> = {}) =>
  by.post(action, { ...fields, ...more });
const typed = ({ email, password }: Person = world.person) => ({ email, password });
const cookie = (by: Agent, name: string) => by.cookies.find((one) => one.name === name)?.value;
/** Where the answer ended: its query, when it reached the app. */
const reached = (page: Page) => new URL(page.location ?? page.url).searchParams;
const who = async (by: Agent) => /class="chip-mail"><bdi>([^<]*)</.exec((await by.get('/')).text)?.[1];

describe('S1 session fixation', () => {
  test('every id that a thief can have planted is another one after the sign-in', async () => {
    const thief = freshAgent(world);
    await open(thief);
    await thief.get('/oauth2/logout');
    const planted = thief.cookies;
    expect(planted.some(({ name }) => name === 'cardea.session')).toBe(true);
    const victim = createAgent(world.issuer, planted);
    await allow(victim, await signIn(victim, await open(victim), world.person));
    expect(await who(victim)).toBe(world.person.email);
    expect(cookie(victim, 'cardea.session')).not.toBe(cookie(thief, 'cardea.session'));
    expect(await who(thief)).toBeUndefined();
    expect(reached(await open(thief, { prompt: 'none' })).get('error')).toBe('login_required');
  });

  test('the id rotates at each further sign-in, and the old one is nobody’s', async () => {
    await signIn(agent, await open(agent), world.person);
    const before = agent.clone();
    await signIn(agent, await open(agent, { prompt: 'login' }), world.person);
    expect(cookie(agent, 'cardea.session')).not.toBe(cookie(before, 'cardea.session'));
    expect(await who(before)).toBeUndefined();
    expect(await who(agent)).toBe(world.person.email);
  });

  test('signing out ends the id, not only the cookie', async () => {
    await signIn(agent, await open(agent), world.person);
    const before = agent.clone();
    expect(await who(before)).toBe(world.person.email);
    await send(agent, formTo(await agent.get('/'), '/sign-out'));
    expect(await who(before)).toBeUndefined();
  });

  test('an interaction that was opened in another browser cannot be seen, finished or cancelled', async () => {
    const form = formTo(await open(agent), '/sign-in');
    const thief = freshAgent(world);
    await open(thief);
    expect((await thief.get(new URL('.', form.action).pathname.slice(0, -1))).status).toBe(410);
    for (const action of [
      form.action,
      form.action.replace('sign-in', 'consent'),
      form.action.replace('sign-in', 'cancel'),
    ]) {
      const answer = await thief.post(action, { ...form.fields, ...typed() });
      expect(answer.status).toBe(403);
      expect(answer.location).toBeUndefined();
    }
    expect((await send(agent, form, typed())).status).toBe(303);
  });

  test('a resume address in another browser gives no code', async () => {
    const form = formTo(await open(agent), '/sign-in');
    const { location } = await send(agent, form, typed());
    expect(location).toContain('/oauth2/authorize/');
    const stolen = await freshAgent(world).follow(await freshAgent(world).get(String(location)));
    expect(stolen.location).toBeUndefined();
    expect(stolen.status).toBe(400);
  });
});

describe('S11 state machine', () => {
  test.each([
    ['consent before the sign-in', 'consent', {}],
    ['an empty sign-in', 'sign-in', { csrf: '' }],
    ['an old token', 'sign-in', { csrf: 'x'.repeat(43) }],
    ['an unknown step', 'second-factor', {}],
  ])('%s: refused, and the stored step stays', async (_, action, change) => {
    const page = await open(agent);
    const form = formTo(page, '/sign-in');
    const answer = await agent.post(form.action.replace('sign-in', action), {
      ...form.fields,
      ...change,
      ...typed(),
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.location).toBeUndefined();
    expect(await who(agent)).toBeUndefined();
    expect((await agent.get(page.url)).text).toContain('<h1>Sign in</h1>');
  });

  test('a sign-in that is sent twice signs in once, and the second leads on', async () => {
    const form = formTo(await open(agent, { scope: 'openid email' }), '/sign-in');
    const first = await send(agent, form, typed());
    const after = await agent.follow(first);
    expect(after.text).toContain('Allow');
    const again = await agent.follow(await send(agent, form, typed()));
    expect(again.location ?? '').not.toContain('code=');
    expect([200, 403, 410]).toContain(again.status);
    expect((await allow(agent, after)).location).toContain('code=');
  });

  test('the sign-in form at the consent step changes nobody', async () => {
    const other = await seedPerson(world.rooms);
    const consent = await signIn(agent, await open(agent, { prompt: 'login consent' }), world.person);
    const form = formTo(consent, '/consent');
    const answer = await agent.post(form.action.replace('consent', 'sign-in'), {
      ...form.fields,
      ...typed(other),
    });
    expect(answer.status).toBe(403);
    expect(await who(agent)).toBe(world.person.email);
  });

  test('a consent that is sent again later gives no second code', async () => {
    const fresh = await seedWebClient(world.rooms);
    const form = formTo(await signIn(agent, await open(agent, {}, fresh), world.person), '/consent');
    const twice = [await send(agent, form), await send(agent, form)];
    const [first, again] = [await agent.follow(twice[0] as Page), await agent.follow(twice[1] as Page)];
    expect(reached(first).has('code')).toBe(true);
    expect([again.status, again.location]).toEqual([400, undefined]);
    expect((await send(agent, form)).status).toBe(403);
  });
});

test.each(['select_account', 'login select_account', 'login consent select_account'])(
  'S11 prompt=%s is answered by one sign-in, with the same and with another account',
  async (prompt) => {
    const other = await seedPerson(world.rooms);
    await signIn(agent, await open(agent), world.person);
    const same = await signIn(agent, await open(agent, { prompt }), world.person);
    expect(same.text).not.toContain('type="password"');
    const switched = await signIn(agent, await open(agent, { prompt }), other);
    const end = await agent.follow(await send(agent, formTo(switched, '/logout/confirm')));
    expect(end.location ?? (await allow(agent, end)).location).toContain('code=');
    expect(await who(agent)).toBe(other.email);
  },
);

describe('S10 two tabs of one browser', () => {
  test('two clients: each gets the answer to its own request, in any order', async () => {
    const mail = await seedWebClient(world.rooms, {
      name: 'Mail',
      redirectUris: ['https://mail.example/cb'],
    });
    const one = await open(agent, { state: 'of-orders', scope: 'openid' });
    const two = await open(
      agent,
      { state: 'of-mail', redirect_uri: 'https://mail.example/cb', scope: 'openid email' },
      mail,
    );
    const consentTwo = await signIn(agent, two, world.person);
    expect(consentTwo.text).toContain('Mail');
    const consentOne = await signIn(agent, one, world.person);
    const answers = [await settle(consentOne), await settle(consentTwo)];
    expect(answers.map((url) => [url.host, url.searchParams.get('state')])).toEqual([
      ['app.example.com', 'of-orders'],
      ['mail.example', 'of-mail'],
    ]);
  });

  test('the token of one tab does nothing in the other', async () => {
    const [one, two] = [formTo(await open(agent), '/sign-in'), formTo(await open(agent), '/sign-in')];
    expect(one.action).not.toBe(two.action);
    const crossed = await agent.post(one.action, { ...two.fields, ...typed() });
    expect(crossed.status).toBe(403);
    expect(await who(agent)).toBeUndefined();
  });

  test('two people: the session is the last one’s, and no tab gets the other’s code', async () => {
    const other = await seedPerson(world.rooms);
    const verifier = randomBytes(32).toString('base64url');
    const challenge = { code_challenge: createHash('sha256').update(verifier).digest('base64url') };
    const [one, two] = [await open(agent), await open(agent, challenge)];
    await signIn(agent, one, world.person);
    const switched = await signIn(agent, two, other);
    const form = formTo(switched, '/logout/confirm');
    const end = await agent.follow(await send(agent, form));
    expect(await who(agent)).toBe(other.email);
    const { searchParams } = await settle(end);
    const code = { code: String(searchParams.get('code')), verifier };
    const { json } = await world.redeem(code, web);
    expect(payloadOf(json.id_token).sub).toBe(other.id);
  });

  async function settle(page: Page): Promise<URL> {
    const end = page.location ? page : await allow(agent, page);
    return new URL(String(end.location));
  }
});
