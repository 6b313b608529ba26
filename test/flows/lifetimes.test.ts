/** Every line of src/config/lifetimes.ts that a flow can meet, proved with a moved clock. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defaultLifetimes as live } from '../../src/config/lifetimes.ts';
import { formTo } from '../harness/agent.ts';
import { redirectUri, type SeededClient, seedClient, seedWebClient } from '../harness/seed.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { authorizeQuery, everySetup, freshAgent, openWorld, payloadOf, type World } from './world.ts';

const callback = { web: redirectUri, spa: redirectUri, native: 'com.example.app:/cb' } as const;
let clock: MovedClock;

beforeAll(async () => {
  clock = await moveClock();
});
afterEach(() => clock.reset());

describe.each(everySetup)('lifetimes with %s: %s', (setup) => {
  let world: World;
  let web: SeededClient;

  beforeAll(async () => {
    world = await openWorld(setup);
    web = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(() => world?.close());

  test('T4 authorization code: works just before its end, refused just after', async () => {
    const browser = world.browser(web);
    const early = await browser.code('openid');
    clock.move(live.authorizationCode - 2);
    expect((await world.redeem(early, web)).status).toBe(200);
    const late = await browser.code('openid');
    clock.move(live.authorizationCode + 1);
    expect((await world.redeem(late, web)).json.error).toBe('invalid_grant');
  });

  test('access token and ID token', async () => {
    const tokens = await world.signIn(web, 'openid');
    expect(tokens.expires_in).toBe(live.accessToken);
    const { exp, iat } = payloadOf(tokens.id_token);
    expect(Number(exp) - Number(iat)).toBe(live.idToken);
    clock.move(live.accessToken - 2);
    expect((await world.userinfo(tokens.access_token)).status).toBe(200);
    clock.move(4);
    expect((await world.userinfo(tokens.access_token)).status).toBe(401);
    expect((await world.introspect(tokens.access_token, web)).json).toEqual({ active: false });
  });

  test('interaction: a page that stood open too long starts the request anew, and signs nobody in', async () => {
    const agent = freshAgent(world);
    const shown = await agent.follow(await agent.get(authorizeQuery(web)));
    const form = formTo(shown, '/sign-in');
    clock.move(live.interaction + 1);
    const { email, password } = world.person;
    const posted = await agent.post(form.action, { ...form.fields, email, password });
    expect(String(posted.location ?? '')).not.toContain('code=');
    const page = await agent.follow(posted);
    expect(page.text).not.toContain('code=');
    expect(formTo(page, '/sign-in').action).not.toBe(form.action);
  });

  test('session, idle: silent as long as it is used, gone when it is not', async () => {
    const { agent, code } = world.browser(web);
    await code('openid');
    const silent = async () =>
      new URL(String((await agent.get(authorizeQuery(web, { prompt: 'none' }))).location)).searchParams;
    for (let use = 0; use < 3; use += 1) {
      clock.move(live.sessionIdle - 10);
      expect((await silent()).get('code'), `use ${use}`).toBeTruthy();
    }
    clock.move(live.sessionIdle + 1);
    expect((await silent()).get('error')).toBe('login_required');
  });

  test('S23 session, absolute: however much it is used', async () => {
    const { agent, code } = world.browser(web);
    await code('openid');
    const silent = async () =>
      new URL(String((await agent.get(authorizeQuery(web, { prompt: 'none' }))).location)).searchParams;
    const steps = Math.floor(live.sessionAbsolute / (live.sessionIdle - 3600));
    for (let step = 0; step < steps; step += 1) {
      clock.move(live.sessionIdle - 3600);
      expect((await silent()).get('code'), `step ${step}`).toBeTruthy();
    }
    clock.move(live.sessionAbsolute - steps * (live.sessionIdle - 3600) + 1);
    expect((await silent()).get('error')).toBe('login_required');
  });

  describe.each(['web', 'spa', 'native'] as const)('family of a %s client', (type) => {
    let client: SeededClient;
    beforeAll(async () => {
      const input = { name: type, type, redirectUris: [callback[type]], firstParty: true } as const;
      client = await seedClient(world.rooms, input);
    });
    const start = async () => {
      const code = await world.browser(client, world.person, callback[type]).code('openid offline_access');
      return (await world.redeem(code, client, callback[type])).json.refresh_token;
    };

    test('idle: refreshed in time it lives, unused it ends', async () => {
      let token = await start();
      clock.move(live.familyIdle[type] - 5);
      const next = await world.refresh(token, client);
      expect(next.status).toBe(200);
      token = next.json.refresh_token;
      clock.move(live.familyIdle[type] + 1);
      expect((await world.refresh(token, client)).json.error).toBe('invalid_grant');
    });

    test('T9 absolute: however often it is refreshed', async () => {
      let token = await start();
      const step = live.familyIdle[type] - 60;
      let age = 0;
      while (age + step < live.familyAbsolute[type]) {
        clock.move(step);
        age += step;
        const next = await world.refresh(token, client);
        expect(next.status, `at ${age} s: ${next.text}`).toBe(200);
        token = next.json.refresh_token;
      }
      clock.move(live.familyAbsolute[type] - age + 1);
      const late = await world.refresh(token, client);
      expect([late.status, late.json.error]).toEqual([400, 'invalid_grant']);
    });
  });
});
