/** OpenID Connect Core section 3.1.2.1: prompt, max_age, login_hint, id_token_hint. */
import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, formTo, type Page } from '../harness/agent.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { authorizeQuery, openWorld, payloadOf, type World } from './world.ts';

let clock: MovedClock;
let world: World;
let client: SeededClient;
let bob: Person;

beforeAll(async () => {
  clock = await moveClock();
  world = await openWorld('full');
  client = await seedWebClient(world.rooms, { firstParty: true });
  bob = await seedPerson(world.rooms, 'bob@example.com');
});
afterEach(() => clock.reset());
afterAll(() => world?.close());

/** A browser in which the person has signed in. */
async function signedIn(person = world.person): Promise<Agent> {
  const browser = world.browser(client, person);
  await browser.code('openid');
  return browser.agent;
}

const ask = (agent: Agent, change: Record<string, string>) => agent.get(authorizeQuery(client, change));
const answerOf = (page: Page) => new URL(String(page.location)).searchParams;
const asksToSignIn = async (agent: Agent, page: Page): Promise<Page> => {
  const shown = await agent.follow(page);
  expect(shown.text).toContain('type="password"');
  return shown;
};

describe('R18 a fresh sign-in cannot be left out', () => {
  test('with a session and no wish, nobody is asked', async () => {
    expect(answerOf(await ask(await signedIn(), {})).get('code')).toBeTruthy();
  });

  test.each([
    ['prompt=login', { prompt: 'login' }],
    ['max_age=0', { max_age: '0' }],
    ['prompt=login consent', { prompt: 'login consent' }],
    ['prompt=select_account', { prompt: 'select_account' }],
  ])('%s asks even in the same second, and the old session alone gives no code', async (_name, change) => {
    const agent = await signedIn();
    const page = await ask(agent, change);
    expect(page.location).toContain('/interaction/');
    await asksToSignIn(agent, page);
    // The way back into the request is no way around the password.
    const uid = String(page.location).split('/').at(-1);
    const resumed = await agent.get(`/oauth2/authorize/${uid}`);
    expect(String(resumed.location ?? '')).not.toContain('code=');
    if (resumed.location) expect(String(resumed.location)).toContain('/interaction/');
  });

  test('prompt=login, once signed in, moves auth_time', async () => {
    const browser = world.browser(client);
    const first = await world.redeem(await browser.code('openid', { max_age: '3600' }), client);
    clock.move(100);
    const silent = await world.redeem(await browser.code('openid', { max_age: '3600' }), client);
    const again = await world.redeem(
      await browser.code('openid', { prompt: 'login', max_age: '3600' }),
      client,
    );
    const [a, b, c] = [first, silent, again].map(({ json }) => Number(payloadOf(json.id_token).auth_time));
    expect(b).toBe(a);
    expect(Number(c) - Number(a)).toBeGreaterThanOrEqual(100);
  });

  test('max_age that has passed asks; one that has not is silent', async () => {
    const agent = await signedIn();
    clock.move(60);
    expect(answerOf(await ask(agent, { max_age: '100' })).get('code')).toBeTruthy();
    await asksToSignIn(agent, await ask(agent, { max_age: '30' }));
    expect(answerOf(await ask(agent, { max_age: '30', prompt: 'none' })).get('error')).toBe('login_required');
  });

  test.each(['none login', 'none consent', 'none select_account', 'login none'])(
    'prompt=%s contradicts itself: invalid_request',
    async (prompt) => {
      expect(answerOf(await ask(await signedIn(), { prompt })).get('error')).toBe('invalid_request');
    },
  );

  test('prompt=none without a session: login_required; with one: a code', async () => {
    const stranger = world.browser(client).agent;
    expect(answerOf(await ask(stranger, { prompt: 'none' })).get('error')).toBe('login_required');
    expect(answerOf(await ask(await signedIn(), { prompt: 'none' })).get('code')).toBeTruthy();
  });

  test.each(['-1', '1.5', 'x', '99999999999999999999'])('max_age=%s: invalid_request', async (maxAge) => {
    expect(answerOf(await ask(await signedIn(), { max_age: maxAge })).get('error')).toBe('invalid_request');
  });
});

describe('R19 hints', () => {
  const markup = '"><img src=x onerror=alert(1)>@example.com';

  test('login_hint fills the form in, escaped', async () => {
    const agent = world.browser(client).agent;
    const filled = await asksToSignIn(agent, await ask(agent, { login_hint: 'ada@example.com' }));
    expect(formTo(filled, '/sign-in').fields.email).toBe('ada@example.com');
    const quoted = "o'hara&co@example.com";
    const escaped = await asksToSignIn(agent, await ask(agent, { login_hint: quoted }));
    expect(escaped.text).toMatch(/&(?:amp|#38);co@/);
    expect(formTo(escaped, '/sign-in').fields.email).toBe(quoted);
    // What can be no address is not even shown.
    const dropped = await asksToSignIn(agent, await ask(agent, { login_hint: markup }));
    expect(dropped.text).not.toContain('onerror');
  });

  test('ui_locales, display, state and nonce with markup reach no page as markup', async () => {
    const agent = world.browser(client).agent;
    const page = await agent.follow(
      await ask(agent, { ui_locales: markup, state: markup, nonce: markup, claims_locales: markup }),
    );
    expect(page.text).not.toContain('<img src=x');
    const refused = await agent.follow(await ask(agent, { display: markup }));
    expect(refused.text).not.toContain('<img src=x');
    const error = await agent.get(authorizeQuery({ clientId: markup }));
    expect(error.status).toBe(400);
    expect(error.text).not.toContain('<img src=x');
  });

  test('id_token_hint of the one who is signed in is silent; of another: login_required, or a page', async () => {
    const agent = await signedIn();
    const mine = (await world.signIn(client, 'openid')).id_token;
    const bobs = (await world.redeem(await world.browser(client, bob).code('openid'), client)).json.id_token;
    expect(answerOf(await ask(agent, { id_token_hint: mine, prompt: 'none' })).get('code')).toBeTruthy();
    expect(answerOf(await ask(agent, { id_token_hint: bobs, prompt: 'none' })).get('error')).toBe(
      'login_required',
    );
    const page = await asksToSignIn(agent, await ask(agent, { id_token_hint: bobs }));
    expect(page.text).not.toContain('code=');
  });

  test('id_token_hint for somebody else: whoever signs in then is who the code is for', async () => {
    const agent = await signedIn();
    const bobs = (await world.redeem(await world.browser(client, bob).code('openid'), client)).json.id_token;
    const shown = await agent.follow(await ask(agent, { id_token_hint: bobs, prompt: 'login' }));
    const other = shown.text.includes('account=other')
      ? await agent.get(`${shown.url}?account=other`)
      : shown;
    const answered = await signIn(agent, other, bob);
    // Another account was signed in: our page ends that session by a form of its own, with a button.
    const end = formTo(answered, '/logout/confirm');
    const done = await agent.follow(await agent.post(end.action, { ...end.fields }));
    expect(answerOf(done).get('code')).toBeTruthy();
  });

  test('id_token_hint signed by another key, unsigned, or of another issuer: refused', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const { kid } = JSON.parse((await world.ask('/oauth2/jwks')).text).keys[0];
    const claims = { sub: world.person.id, aud: client.clientId, iss: world.issuer };
    const forge = (header: { alg: string; kid?: string }) =>
      new SignJWT(claims).setProtectedHeader(header).setIssuedAt().setExpirationTime('1h').sign(privateKey);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const hint of [
      await forge({ alg: 'RS256', kid }),
      await forge({ alg: 'RS256' }),
      `${part({ alg: 'none' })}.${part({ ...claims, exp: 9_999_999_999 })}.`,
      'not.a.jwt',
    ]) {
      const answer = answerOf(await ask(await signedIn(), { id_token_hint: hint, prompt: 'none' }));
      expect(answer.get('error')).toBe('invalid_request');
      expect(answer.has('code')).toBe(false);
    }
  });
});
