/**
 * Sessions, devices and apps, ended by the person or the operator: on the other process page, refresh token, userinfo and
 * introspection know it within a second (S9, S23), and nothing else is touched.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Agent, formsOf, formTo, type Page } from '../harness/agent.ts';
import type { Browser } from '../harness/codes.ts';
import { type Person, type SeededClient, seedApi, seedPerson, seedWebClient } from '../harness/seed.ts';
import type { Setup } from '../harness/server.ts';
import { enter } from './portal-world.ts';
import { authorizeQuery, openWorld, type Wire, type World } from './world.ts';

const operator = { actor: { kind: 'operator' } } as const;

const setups: readonly (readonly [Setup, string])[] = [
  ['full', 'on postgres and redis, two servers'],
  ['embedded', 'on embedded, one server'],
];

describe.each(setups)('devices with %s: %s', (setup) => {
  let world: World;
  let other: World;
  let person: Person;
  let client: SeededClient;
  beforeAll(async () => {
    world = await openWorld(setup);
    other = setup === 'embedded' ? world : await world.second();
    await seedApi(world.rooms);
  });
  afterAll(() => world?.close());
  beforeEach(async () => {
    person = await seedPerson(world.rooms);
    client = await seedWebClient(world.rooms, {
      firstParty: true,
      name: 'Notes',
      backchannelLogoutUri: 'https://app.example.com/out',
    });
  });

  /** What a browser and the apps that it signed in to hold. */
  interface Held {
    readonly browser: Browser;
    readonly offline: Wire;
    readonly bound: Wire;
    readonly jwt: Wire;
  }
  async function hold(): Promise<Held> {
    const browser = world.browser(client, person);
    const take = async (scope: string) => (await world.redeem(await browser.code(scope), client)).json;
    return {
      browser,
      offline: await take('openid offline_access'),
      bound: await take('openid'),
      jwt: await take('openid offline_access orders:read'),
    };
  }

  /** What of it still works, seen by the other process. */
  async function working({ browser, offline, bound, jwt }: Held): Promise<Record<string, boolean>> {
    const cookie = browser.agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const silent = await other.ask(authorizeQuery(client, { prompt: 'none' }), { headers: { cookie } });
    const answers = {
      page: !String(silent.headers.location).includes('login_required'),
      userinfo: (await other.userinfo(offline.access_token)).status === 200,
      'userinfo in session': (await other.userinfo(bound.access_token)).status === 200,
      introspection: (await other.introspect(jwt.access_token, client)).json.active === true,
      refresh: (await other.introspect(offline.refresh_token, client)).json.active === true,
    };
    return answers;
  }
  const none = {
    page: false,
    userinfo: false,
    'userinfo in session': false,
    introspection: false,
    refresh: false,
  };
  const all = { page: true, userinfo: true, 'userinfo in session': true, introspection: true, refresh: true };

  /** No round of questions that begins a second after the act, or later, finds anything alive. */
  async function deadWithinASecond(held: Held): Promise<void> {
    const doneAt = performance.now();
    let askedAt: number;
    let found: Record<string, boolean>;
    do {
      askedAt = performance.now();
      found = await working(held);
    } while (askedAt - doneAt <= 1000 && Object.values(found).some(Boolean));
    expect(found).toEqual(none);
    const refused = await other.refresh(held.offline.refresh_token, client);
    expect([refused.status, refused.json.error]).toEqual([400, 'invalid_grant']);
  }

  const press = (agent: Agent, page: Page, ending: string) => {
    const form = formTo(page, ending);
    return agent.post(form.action, { ...form.fields });
  };
  const accountOf = async () => (await world.rooms.accounts.findByEmail(person.email))?.id ?? '';
  const toldOf = async () => (await world.rooms.logoutQueue.health(client.clientId)).due;

  test('S9 one device is ended from another: all that was begun there, offline too, and nothing here', async () => {
    const lost = await hold();
    const mine = await hold();
    const { agent } = mine.browser;
    const page = await agent.follow(await agent.get('/account/devices'));
    expect(page.text).toContain('This browser');
    expect(page.text).toContain('Notes');
    const ends = formsOf(page).filter(({ action }) => action.endsWith('/end'));
    expect(ends).toHaveLength(2);
    // This browser comes first.
    const [, theirs] = ends;
    const answer = await agent.follow(await agent.post(theirs?.action ?? '', { ...theirs?.fields }));
    expect(answer.text).toContain('That browser is signed out.');
    await deadWithinASecond(lost);
    expect(await working(mine)).toEqual(all);
    expect(await toldOf()).toBe(1);
    // Once more, and in another browser of the same person: it is not there.
    expect((await agent.post(theirs?.action ?? '', { ...theirs?.fields })).status).toBe(404);
    const { events } = await world.rooms.audit.search({
      accountId: await accountOf(),
      type: 'session.ended',
    });
    expect(events).toMatchObject([{ detail: { reason: 'revoked by person' }, actor: { kind: 'account' } }]);
    const { entries } = await world.rooms.timeline.read({ accountId: await accountOf() });
    const reasons = entries.flatMap((one) => (one.kind === 'family' ? [one.family.ended?.reason] : []));
    expect(reasons.filter((reason) => reason === 'revoked by person')).toHaveLength(3);
  });

  test('S9 everywhere else: by one fact, which keeps this browser and its apps', async () => {
    const [lost, mine] = [await hold(), await hold()];
    const { agent } = mine.browser;
    const page = await agent.follow(await agent.get('/account/devices'));
    const answer = await agent.follow(await press(agent, page, '/end-others'));
    expect(answer.text).toContain('You are signed out everywhere but here.');
    expect(formsOf(answer).filter(({ action }) => action.endsWith('/end'))).toHaveLength(1);
    await deadWithinASecond(lost);
    expect(await working(mine)).toEqual(all);
    const next = await other.refresh(mine.offline.refresh_token, client);
    expect(next.status).toBe(200);
    // What this browser begins from now on is its own too, until everything ends.
    const later = { ...mine, offline: next.json };
    await world.rooms.sessions.signOutEverywhere(await accountOf(), operator);
    await deadWithinASecond(later);
  });

  test('S9 everywhere: the person’s own browser sees that it is signed out, and back leads to the door', async () => {
    const mine = await hold();
    const { agent } = mine.browser;
    const page = await agent.follow(await agent.get('/account/devices'));
    const answer = await agent.follow(await press(agent, page, '/end-all'));
    expect([answer.status, new URL(answer.url).pathname]).toEqual([200, '/signed-out']);
    await deadWithinASecond(mine);
    expect((await agent.get('/account/devices')).location).toContain('/oauth2/authorize?');
    expect(await world.rooms.browserSessions.list(await accountOf())).toEqual([]);
  });

  test.each<[string, (id: string) => Promise<unknown>]>([
    ['a new password', (id) => world.rooms.accounts.setPassword(id, 'another long pass phrase 47', operator)],
    ['a disabled account', (id) => world.rooms.accounts.disable(id, operator)],
    [
      'the operator, one session',
      async (id) => {
        const [session] = await world.rooms.browserSessions.list(id);
        return world.rooms.browserSessions.end(id, session?.id ?? '', operator);
      },
    ],
  ])('S23 %s is known to the other process within a second', async (_what, act) => {
    const held = await hold();
    expect(await working(held)).toEqual(all);
    await act(await accountOf());
    await deadWithinASecond(held);
    expect(await world.rooms.browserSessions.list(await accountOf())).toEqual([]);
  });

  test('an app is taken its access: consent, every sign-in of it, wherever; and asks again', async () => {
    const id = await accountOf();
    const app = await seedWebClient(world.rooms, {
      name: 'Photo <b>book</b>',
      backchannelLogoutUri: 'https://app.example.com/out',
    });
    const browser = world.browser(app, person);
    const scope = 'openid email offline_access orders:read';
    const tokens = (await world.redeem(await browser.code(scope), app)).json;
    const { agent } = await enter(world, person);
    const page = await agent.get('/account/apps');
    expect(page.text).toContain('Photo &#60;b&#62;book&#60;/b&#62;');
    expect(page.text).toContain('See your e-mail address');
    expect(page.text).toContain('in Orders API');
    const answer = await agent.follow(await press(agent, page, '/remove'));
    expect(answer.text).toContain('That app can no longer use your account.');
    expect(answer.text).toContain('No app may use your account');
    await other.rooms.lease.renew();
    const refused = await other.refresh(tokens.refresh_token, app);
    expect([refused.status, refused.json.error]).toEqual([400, 'invalid_grant']);
    expect((await other.introspect(tokens.access_token, app)).json.active).toBe(false);
    expect(await world.rooms.consents.list(id)).toEqual([]);
    expect((await world.rooms.logoutQueue.health(app.clientId)).due).toBe(1);
    await other.rooms.familyIndex.flush();
    await other.rooms.audit.flush();
    const { events } = await other.rooms.audit.search({ clientId: app.clientId, type: 'grant.refused' });
    expect(events[0]?.detail).toMatchObject({ reason: 'consent withdrawn' });
    // The person is still signed in, and is asked again.
    const again = await browser.agent.follow(
      await browser.agent.get(`${world.issuer}${authorizeQuery(app)}`),
    );
    expect(again.text).toContain('/consent"');
  });
});
