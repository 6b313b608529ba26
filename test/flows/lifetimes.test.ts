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

  /** A browser whose person did not want to be remembered. */
  async function briefBrowser() {
    const agent = freshAgent(world);
    const shown = await agent.follow(await agent.get(authorizeQuery(web)));
    const { action, fields } = formTo(shown, '/sign-in');
    const { remember, ...without } = fields;
    expect(remember).toBe('yes');
    const { email, password } = world.person;
    const done = await agent.follow(await agent.post(action, { ...without, email, password }));
    expect(String(done.location)).toContain('code=');
    const silent = async () =>
      new URL(String((await agent.get(authorizeQuery(web, { prompt: 'none' }))).location)).searchParams;
    return { agent, silent };
  }

  test('session, not remembered: the browser is given no date, and it ends here when it is not used', async () => {
    const { silent } = await briefBrowser();
    for (let use = 0; use < 2; use += 1) {
      clock.move(live.briefIdle - 10);
      expect((await silent()).get('code'), `use ${use}`).toBeTruthy();
    }
    clock.move(live.briefIdle + 1);
    expect((await silent()).get('error')).toBe('login_required');
  });

  test('S23 session, not remembered, absolute: however much it is used', async () => {
    const { silent } = await briefBrowser();
    const step = live.briefIdle - 600;
    let age = 0;
    while (age + step < live.briefAbsolute) {
      clock.move(step);
      age += step;
      expect((await silent()).get('code'), `at ${age} s`).toBeTruthy();
    }
    clock.move(live.briefAbsolute - age + 1);
    expect((await silent()).get('error')).toBe('login_required');
  });

  test('the cookie of a remembered session has a date, that of another one has none', async () => {
    const dated = ({ cookies }: { cookies: readonly { name: string; expires: number }[] }) =>
      cookies
        .filter(({ name }) => /session(\.sig)?$/.test(name))
        .map(({ expires }) => Number.isFinite(expires));
    const brief = await briefBrowser();
    expect(dated(brief.agent)).toEqual([false, false]);
    const kept = world.browser(web);
    await kept.code('openid');
    expect(dated(kept.agent)).toEqual([true, true]);
  });

  test('what is not offline ends with its session at the latest', async () => {
    const { agent, code } = world.browser(web);
    await code('openid');
    const left = 300;
    const step = live.sessionIdle - 3600;
    let age = 0;
    while (age + step < live.sessionAbsolute - left) {
      clock.move(step);
      age += step;
      await agent.get(authorizeQuery(web, { prompt: 'none' }));
    }
    clock.move(live.sessionAbsolute - left - age);
    const tokens = (await world.redeem(await code('openid'), web)).json;
    expect(tokens.expires_in).toBeLessThanOrEqual(left + 5);
    expect((await world.userinfo(tokens.access_token)).status).toBe(200);
    clock.move(left + 6);
    expect((await world.userinfo(tokens.access_token)).status).toBe(401);
  });

  test('a client that asks for less gets less; one that asks for more gets what the policy gives', async () => {
    const less = { familyIdleSeconds: 3600, familyAbsoluteSeconds: 7200, accessTokenSeconds: 120 };
    const modest = await seedWebClient(world.rooms, { firstParty: true, ...less });
    let tokens = await world.signIn(modest, 'openid offline_access');
    expect(tokens.expires_in).toBe(120);
    for (const seconds of [3595, 3000]) {
      clock.move(seconds);
      const next = await world.refresh(tokens.refresh_token, modest);
      expect(next.status, `after ${seconds} s: ${next.text}`).toBe(200);
      tokens = next.json;
    }
    clock.move(7200 - 3595 - 3000 + 1);
    expect((await world.refresh(tokens.refresh_token, modest)).json.error).toBe('invalid_grant');
    tokens = await world.signIn(modest, 'openid offline_access');
    clock.move(3601);
    expect((await world.refresh(tokens.refresh_token, modest)).json.error).toBe('invalid_grant');

    const more = {
      familyIdleSeconds: live.familyIdle.web + 86_400,
      accessTokenSeconds: live.accessToken + 60,
    };
    const greedy = await world.rooms.clients.create(
      { name: 'Greedy', type: 'web', redirectUris: [redirectUri], firstParty: true, ...more },
      { kind: 'operator' },
    );
    if (greedy.kind !== 'created') throw new Error(JSON.stringify(greedy));
    expect(greedy.warnings).toHaveLength(2);
    const { clientId } = greedy.client;
    const { events } = await world.rooms.audit.search({ clientId, type: 'client.lifetime-beyond-policy' });
    expect(events.map(({ detail }) => detail)).toContainEqual({
      member: 'familyIdleSeconds',
      asked: more.familyIdleSeconds,
      given: live.familyIdle.web,
    });
    const seeded = { clientId, secret: greedy.secret ?? '' };
    tokens = await world.signIn(seeded, 'openid offline_access');
    expect(tokens.expires_in).toBe(live.accessToken);
    clock.move(live.familyIdle.web + 1);
    expect((await world.refresh(tokens.refresh_token, seeded)).json.error).toBe('invalid_grant');
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
