/** OpenID Connect RP-Initiated Logout: nobody is signed out unasked, nobody is sent elsewhere, and what ends, ends. */
import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, formsOf, formTo, type Page } from '../harness/agent.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { authorizeQuery, everySetup, freshAgent, openWorld, payloadOf, type World } from './world.ts';

const bye = 'https://app.example.com/bye';
let clock: MovedClock;
beforeAll(async () => {
  clock = await moveClock();
});
afterEach(() => clock.reset());

describe.each(everySetup)('logout with %s: %s', (setup) => {
  let world: World;
  let client: SeededClient;
  let other: SeededClient;
  let bob: Person;

  beforeAll(async () => {
    world = await openWorld(setup);
    client = await seedWebClient(world.rooms, { firstParty: true, postLogoutRedirectUris: [bye] });
    other = await seedWebClient(world.rooms, {
      firstParty: true,
      postLogoutRedirectUris: ['https://other.example.com/bye'],
    });
    bob = await seedPerson(world.rooms);
  });
  afterAll(() => world?.close());

  async function signedIn(person = world.person) {
    const browser = world.browser(client, person);
    const tokens = (await world.redeem(await browser.code('openid'), client)).json;
    return { ...browser, tokens };
  }
  const isSignedIn = async (agent: Agent) => {
    const { location } = await agent.get(authorizeQuery(client, { prompt: 'none' }));
    return new URL(String(location)).searchParams.has('code');
  };
  const logoutUrl = (query: Record<string, string>) => `/oauth2/logout?${new URLSearchParams(query)}`;
  const confirm = async (agent: Agent, page: Page, yes = true) => {
    const form = formTo(page, '/logout/confirm');
    return agent.post(form.action, { ...form.fields, ...(yes ? { logout: 'yes' } : {}) });
  };

  test('S8 opening the address, as an image would, signs nobody out: it asks', async () => {
    const { agent, tokens } = await signedIn();
    for (const query of [{}, { id_token_hint: tokens.id_token, post_logout_redirect_uri: bye }]) {
      const page = await agent.get(logoutUrl(query));
      expect([page.status, page.location]).toEqual([200, undefined]);
      expect(page.text).toContain('<button');
      expect(await isSignedIn(agent)).toBe(true);
      expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    }
  });

  test('S8 the confirmation needs the secret of this browser’s page', async () => {
    const { agent } = await signedIn();
    const form = formTo(await agent.get('/oauth2/logout'), '/logout/confirm');
    for (const fields of [{ logout: 'yes' }, { logout: 'yes', xsrf: 'wrong' }]) {
      const refused = await agent.post(form.action, fields as Record<string, string>);
      expect(refused.status).toBe(400);
    }
    expect(await isSignedIn(agent)).toBe(true);
    const victim = await signedIn();
    const stolen = await victim.agent.post(form.action, { ...form.fields, logout: 'yes' });
    expect(stolen.status).toBe(400);
    expect(await isSignedIn(victim.agent)).toBe(true);
  });

  test('"stay signed in" keeps the session', async () => {
    const { agent } = await signedIn();
    await agent.follow(await confirm(agent, await agent.get('/oauth2/logout'), false));
    expect(await isSignedIn(agent)).toBe(true);
  });

  test('S8 a hint that is tampered with, unsigned or a stranger’s: an error page, no redirect', async () => {
    const { agent, tokens } = await signedIn();
    const { privateKey } = await generateKeyPair('RS256');
    const payload = payloadOf(tokens.id_token);
    const [head, , signature] = tokens.id_token.split('.');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const hint of [
      `${head}.${part({ ...payload, sub: bob.id })}.${signature}`,
      `${part({ alg: 'none' })}.${part(payload)}.`,
      await new SignJWT(payload).setProtectedHeader({ alg: 'RS256' }).sign(privateKey),
      'nonsense',
    ]) {
      const page = await agent.get(logoutUrl({ id_token_hint: hint, post_logout_redirect_uri: bye }));
      expect([page.status, page.location]).toEqual([400, undefined]);
    }
    expect(await isSignedIn(agent)).toBe(true);
  });

  test('S8 an expired ID token still says which client asks (section 2); another person’s signs nobody out', async () => {
    const { agent, tokens } = await signedIn();
    const bobs = (await signedIn(bob)).tokens.id_token;
    const foreign = await agent.get(logoutUrl({ id_token_hint: bobs, post_logout_redirect_uri: bye }));
    expect(foreign.location).toBeUndefined();
    expect(await isSignedIn(agent)).toBe(true);
    clock.move(7200);
    const late = await agent.get(
      logoutUrl({ id_token_hint: tokens.id_token, post_logout_redirect_uri: bye, state: 's' }),
    );
    expect((await confirm(agent, late)).location).toBe(`${bye}?state=s`);
  });

  test.each([
    ['an unregistered one', 'https://evil.com/'],
    ['another client’s', 'https://other.example.com/bye'],
    ['a script', 'javascript:alert(1)'],
    ['a longer one', `${bye}/x`],
    ['scheme-relative', '//evil.com/bye'],
  ])('S7 post_logout_redirect_uri, %s: an error page', async (_name, uri) => {
    const { agent, tokens } = await signedIn();
    const page = await agent.get(
      logoutUrl({ id_token_hint: tokens.id_token, post_logout_redirect_uri: uri }),
    );
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(page.text).not.toMatch(/(?:href|action|url)="?(?:https:\/\/evil|javascript:|\/\/evil)/i);
  });

  test('S7 without a hint or client_id no redirect is believed; with client_id only its own', async () => {
    const { agent } = await signedIn();
    const bare = await agent.get(logoutUrl({ post_logout_redirect_uri: bye }));
    expect(bare.location).toBeUndefined();
    if (bare.status === 200) expect((await confirm(agent, bare)).location ?? '').not.toContain(bye);
    const foreign = logoutUrl({ client_id: other.clientId, post_logout_redirect_uri: bye });
    expect((await agent.get(foreign)).status).toBe(400);
  });

  test('S7 no address of ours takes its next step from the query', async () => {
    const { agent } = await signedIn();
    for (const target of [
      '//evil.com',
      '/\\evil.com',
      'https:evil.com',
      '/%09/evil.com',
      'javascript:alert(1)',
    ]) {
      for (const name of ['return_to', 'next', 'redirect', 'returnTo', 'url']) {
        for (const path of ['/', '/signed-out', '/interaction/x', '/oauth2/logout', '/sign-out']) {
          const page = await agent.get(`${path}?${name}=${encodeURIComponent(target)}`);
          expect(String(page.location ?? '')).not.toMatch(/evil|javascript/);
        }
      }
    }
    for (const path of ['//evil.com', '/\\evil.com', '/%2f%2fevil.com', '/oauth2//evil.com']) {
      const page = await agent.get(`${world.issuer}${path}`);
      expect(new URL(page.location ?? world.issuer).origin).toBe(world.issuer);
    }
  });

  test('S9 after it: no silent code, in a parallel tab neither; families that are not offline end', async () => {
    const { agent, code, tokens } = await signedIn();
    const offline = (await world.redeem(await code('openid offline_access'), client)).json;
    const second = (await world.redeem(await code('openid'), client)).json;
    const unredeemed = await code('openid');
    const elsewhere = await signedIn();
    const tab = agent.clone();
    const done = await confirm(agent, await agent.get('/oauth2/logout'));
    expect((await agent.follow(done)).status).toBe(200);

    for (const stale of [agent, tab]) expect(await isSignedIn(stale)).toBe(false);
    for (const token of [tokens, second]) expect((await world.userinfo(token.access_token)).status).toBe(401);
    expect((await world.redeem(unredeemed, client)).json.error).toBe('invalid_grant');
    expect((await world.userinfo(offline.access_token)).status).toBe(200);
    expect((await world.refresh(offline.refresh_token, client)).status).toBe(200);
    expect(await isSignedIn(elsewhere.agent)).toBe(true);
    expect((await world.userinfo(elsewhere.tokens.access_token)).status).toBe(200);
  });

  test('S9 the button on our own front page does the same', async () => {
    const { agent, tokens } = await signedIn();
    const front = await agent.follow(await agent.get('/'));
    const form = formsOf(front).find(({ action }) => action.endsWith('/sign-out'));
    await agent.follow(await agent.post(String(form?.action), { ...form?.fields }));
    expect(await isSignedIn(agent)).toBe(false);
    expect((await world.userinfo(tokens.access_token)).status).toBe(401);
  });

  test('logout with nobody signed in: a plain way through, to the app too', async () => {
    const { tokens } = await signedIn();
    const stranger = freshAgent(world);
    const query = logoutUrl({ id_token_hint: tokens.id_token, post_logout_redirect_uri: bye });
    const page = await stranger.follow(await stranger.get(query));
    expect(page.status).toBeLessThan(400);
    if (page.status === 200) expect((await confirm(stranger, page)).location).toBe(bye);
    else expect(page.location).toBe(bye);
  });

  test('S10 two tabs, two clients, two people: each finishes its own', async () => {
    const agent = freshAgent(world);
    const one = await agent.follow(await agent.get(authorizeQuery(client, { state: 'one' })));
    const two = await agent.follow(await agent.get(authorizeQuery(other, { state: 'two' })));
    const uid = (page: Page) => page.url.split('/').at(-1) ?? '';
    expect(uid(one)).not.toBe(uid(two));
    // The form of the second tab at the first tab's address: its proof is for its own address.
    const { email, password } = world.person;
    const crossed = formTo(two, '/sign-in');
    const refused = await agent.post(crossed.action.replace(uid(two), uid(one)), {
      ...crossed.fields,
      email,
      password,
    });
    expect(String(refused.location ?? '')).not.toContain('code=');

    const first = new URL(String((await signIn(agent, one, world.person)).location));
    expect(first.searchParams.get('state')).toBe('one');
    const redeemedBy = async (code: string, by: SeededClient) =>
      (await world.redeem({ code, verifier: 'x'.repeat(43) }, by)).json.error;
    expect(await redeemedBy(first.searchParams.get('code') ?? '', other)).toBe('invalid_grant');
    const last = await signIn(agent, two, bob);
    const switched = last.location ? last : await agent.follow(await confirm(agent, last));
    const second = new URL(String(switched.location));
    expect(second.searchParams.get('state')).toBe('two');
  });
});
