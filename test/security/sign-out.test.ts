/** S7, S8: who may sign a person out, and where a person may be sent. */
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authorizeQuery, freshAgent, openWorld, payloadOf, type World } from '../flows/world.ts';
import { type Agent, formTo } from '../harness/agent.ts';
import { authorize, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';

const bye = 'https://app.example.com/bye';
let world: World;
let web: SeededClient;
let other: SeededClient;
let hint: string;
let agent: Agent;

beforeAll(async () => {
  world = await openWorld();
  web = await seedWebClient(world.rooms, { name: 'Orders', firstParty: true, postLogoutRedirectUris: [bye] });
  other = await seedWebClient(world.rooms, { name: 'Mail', firstParty: true });
  hint = (await world.signIn(web, 'openid')).id_token;
});
afterAll(() => world?.close());
beforeEach(async () => {
  agent = freshAgent(world);
  await authorize(agent, world.issuer + authorizeQuery(web), world.person);
});

const isSignedIn = async () => (await agent.get('/')).text.includes(world.person.email);
const ask = (query: Record<string, string> = {}) => agent.get(`/oauth2/logout?${new URLSearchParams(query)}`);
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('S8 forced logout', () => {
  test('a picture, a link or a frame on another site asks, and ends nothing', async () => {
    for (const headers of [{ 'sec-fetch-dest': 'image', 'sec-fetch-site': 'cross-site' }, {}]) {
      const page = await agent.get(`/oauth2/logout?id_token_hint=${hint}`, headers);
      expect([page.status, page.headers.get('x-frame-options')]).toEqual([200, 'DENY']);
      expect(await isSignedIn()).toBe(true);
    }
    expect((await agent.get('/sign-out')).status).toBe(405);
    expect(await isSignedIn()).toBe(true);
  });

  test.each([
    ['no token', {}],
    ['an old one', { xsrf: 'x'.repeat(43) }],
    ['none at all, from another site', { logout: 'yes' }],
  ])('a confirmation with %s: refused', async (_, fields) => {
    await ask();
    const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const answer = await agent.post('/oauth2/logout/confirm', { logout: 'yes', ...fields }, headers);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.location).toBeUndefined();
    expect(await isSignedIn()).toBe(true);
  });

  test('the token of one browser does not sign out another', async () => {
    const thief = freshAgent(world);
    await authorize(thief, world.issuer + authorizeQuery(web), await seedPerson(world.rooms));
    const { fields } = formTo(await thief.get('/oauth2/logout'), '/confirm');
    await ask();
    const answer = await agent.post('/oauth2/logout/confirm', { ...fields, logout: 'yes' });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await isSignedIn()).toBe(true);
  });

  test('"Stay signed in" keeps the session', async () => {
    const form = formTo(await ask({ id_token_hint: hint }), '/confirm');
    await agent.post(form.action, { ...form.fields });
    expect(await isSignedIn()).toBe(true);
  });
});

describe('S7, S8 where signing out may lead', () => {
  test('to what the client registered, once confirmed', async () => {
    const form = formTo(
      await ask({ id_token_hint: hint, post_logout_redirect_uri: bye, state: 's' }),
      '/confirm',
    );
    const done = await agent.post(form.action, { ...form.fields, logout: 'yes' });
    expect(done.location).toBe(`${bye}?state=s`);
    expect(await isSignedIn()).toBe(false);
  });

  test.each([
    ['another address', () => ({ id_token_hint: hint, post_logout_redirect_uri: 'https://evil.example/' })],
    ['a longer one', () => ({ id_token_hint: hint, post_logout_redirect_uri: `${bye}/../evil` })],
    [
      'one with a query',
      () => ({ id_token_hint: hint, post_logout_redirect_uri: `${bye}?next=//evil.example` }),
    ],
    ['a script', () => ({ id_token_hint: hint, post_logout_redirect_uri: 'javascript:alert(1)' })],
    [
      'a client that is another',
      () => ({ id_token_hint: hint, client_id: other.clientId, post_logout_redirect_uri: bye }),
    ],
    ['another client’s address', () => ({ client_id: other.clientId, post_logout_redirect_uri: bye })],
    [
      'a hint with another signature',
      () => ({ id_token_hint: `${hint.slice(0, -8)}AAAAAAAA`, post_logout_redirect_uri: bye }),
    ],
    [
      'a hint without one',
      () => ({
        id_token_hint: `${part({ alg: 'none' })}.${part(payloadOf(hint))}.`,
        post_logout_redirect_uri: bye,
      }),
    ],
  ])('not with %s: a page, no redirect, nobody signed out', async (_, query) => {
    const page = await ask(query());
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(page.text).not.toContain('evil.example"');
    expect(await isSignedIn()).toBe(true);
  });

  test('nowhere when nobody says which client asks', async () => {
    const form = formTo(await ask({ post_logout_redirect_uri: bye }), '/confirm');
    const done = await agent.follow(await agent.post(form.action, { ...form.fields, logout: 'yes' }));
    expect([done.status, done.location]).toEqual([200, undefined]);
    expect(done.text).toContain('signed out');
  });

  test('a hint signed by a secret that the client knows: refused', async () => {
    const forged = await new SignJWT(payloadOf(hint))
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(web.secret));
    expect((await ask({ id_token_hint: forged, post_logout_redirect_uri: bye })).status).toBe(400);
  });

  test('a hint of another person asks, and signs out nobody by itself', async () => {
    const bob = await seedPerson(world.rooms);
    const bobs = await world.redeem(await world.browser(web, bob).code('openid'), web);
    const page = await ask({ id_token_hint: bobs.json.id_token, post_logout_redirect_uri: bye });
    expect(page.location).toBeUndefined();
    expect(await isSignedIn()).toBe(true);
  });

  test.each([
    '//evil.example',
    '/\\evil.example',
    'https:evil.example',
    '/%09/evil.example',
    'javascript:alert(1)',
  ])('S7 no parameter of a page leads to %s', async (target) => {
    const value = encodeURIComponent(target);
    const fresh = freshAgent(world);
    const shown = await fresh.follow(await fresh.get(authorizeQuery(web)));
    for (const name of ['return_to', 'next', 'redirect', 'continue', 'url', 'account']) {
      for (const path of [
        `/?${name}=${value}`,
        `/signed-out?${name}=${value}`,
        `${shown.url}?${name}=${value}`,
      ]) {
        const page = await fresh.get(path);
        expect(page.location ?? world.issuer).toContain(world.issuer);
        expect(page.text).not.toContain('evil.example');
        expect(page.text).not.toContain('javascript:');
      }
    }
  });

  test('S7 a path that looks like another host stays here', async () => {
    for (const path of ['//evil.example/', '//evil.example/%2e%2e', '/\\evil.example']) {
      const page = await world.ask(path, { headers: { accept: 'text/html' } });
      expect(page.status).toBe(404);
      expect(page.headers.location).toBeUndefined();
    }
  });
});
