/** The portal's frame: who comes in, how they come back, and what every one of its routes refuses. */

import { randomBytes } from 'node:crypto';
import { generateSync } from 'otplib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { insertPasskey } from '../../src/passkeys/passkey-store.ts';
import { appKey } from '../../src/portal/apps.ts';
import { formPurpose } from '../../src/portal/portal-kit.ts';
import type { PortalRoute } from '../../src/portal/portal-routes.ts';
import { createCsrf } from '../../src/web/csrf.ts';
import { createPortalOf } from '../../src/wiring-portal.ts';
import { type Agent, formTo } from '../harness/agent.ts';
import { createAgent, type Person, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import { moveClock } from './clock.ts';
import { enter, frontDoorOf } from './portal-world.ts';
import { linkIdentity } from './upstream-world.ts';
import { openWorld, type World } from './world.ts';

const clock = await moveClock();
let world: World;
let other: Person;
let routes: readonly PortalRoute[];
beforeAll(async () => {
  world = await openWorld('full');
  other = await seedPerson(world.rooms);
  const nothing = {} as never;
  routes = createPortalOf(world.rooms, nothing, nothing, {
    publicUrl: { issuer: world.issuer, base: '' },
    csrf: nothing,
    cookies: nothing,
    readSubmitted: nothing,
    sendPage: nothing,
    renderPage: nothing,
    languages: { locales: [] } as never,
  }).routes;
});
afterEach(() => clock.reset());
afterAll(() => world?.close());

/** An id that nobody has. */
const NO_ID = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
const pathOf = (route: PortalRoute, id = NO_ID) => route.path.replace(':id', id);

/** An authenticator app of that account, as if it had been enrolled long ago. */
async function seedAuthenticator({ id: accountId }: Person): Promise<string> {
  const { factors } = world.rooms;
  const at = { accountId, place: 'seed', isStrong: true };
  const begun = await factors.begin(at);
  if (begun.kind !== 'begun') throw new Error(begun.kind);
  const code = generateSync({
    secret: begun.enrolment.key.replaceAll(' ', ''),
    epoch: Math.floor(Date.now() / 1000),
  });
  const added = await factors.confirm(at, { code }, { actor: { kind: 'account', id: accountId } });
  if (added.kind !== 'added') throw new Error(added.kind);
  return added.authenticator.id;
}

/** A passkey of that account, as its store holds one. */
async function seedPasskey({ id: accountId }: Person): Promise<string> {
  const random = () => randomBytes(16).toString('base64url');
  const passkey = {
    credentialId: random(),
    userHandle: random(),
    publicKey: random(),
    signCount: 0,
    transports: [],
    backupEligible: false,
    backedUp: false,
    aaguid: NO_ID,
  };
  const { db } = world.rooms.database;
  const made = await insertPasskey(db, {
    accountId,
    rpId: 'localhost',
    passkey,
    name: 'Key',
    at: Date.now(),
  });
  return made?.id ?? '';
}

/** For each route with an id: makes something of that person's, and gives its id. */
const owned: Readonly<Record<string, (person: Person) => Promise<string>>> = {
  '/account/passkeys/:id': seedPasskey,
  '/account/passkeys/:id/remove': seedPasskey,
  '/account/two-step/apps/:id/rename': seedAuthenticator,
  '/account/two-step/apps/:id/remove': seedAuthenticator,
  '/account/connections/:id/remove': async ({ id }) => {
    await linkIdentity(world, id);
    return (await world.rooms.upstream.list(id))[0]?.id ?? '';
  },
  '/account/devices/:id/end': async (person) => {
    await enter(world, person);
    const account = await world.rooms.accounts.findByEmail(person.email);
    const [session] = await world.rooms.browserSessions.list(account?.id ?? '');
    return session?.id ?? '';
  },
  '/account/apps/:id/remove': async ({ id }) => {
    const { clientId } = await seedWebClient(world.rooms);
    const allowed = { scopes: ['openid'] };
    await world.rooms.consents.record(id, clientId, allowed, { actor: { kind: 'account', id } });
    return appKey(clientId);
  },
};

/** Makes any form's token for that browser, as nobody outside can. */
async function forger(agent: Agent): Promise<(purpose: string) => string> {
  const cookies = {
    secure: false,
    nameOf: (name: string) => name,
    set: () => undefined,
    clear: () => undefined,
    read: () => agent.cookies.find(({ name }) => name === 'cardea.browser')?.value,
  };
  const csrf = createCsrf({ keys: await world.rooms.secrets.get('csrf'), cookies, origin: world.issuer });
  return (purpose) => csrf.issue({ state: {} } as never, purpose);
}

describe('every route, on postgres and redis', () => {
  test('S19 as nobody: through the front door, and nothing is done', async () => {
    for (const route of routes) {
      const agent = createAgent(world.issuer);
      const answer =
        route.method === 'GET' ? await agent.get(pathOf(route)) : await agent.post(pathOf(route), {});
      expect([route.path, answer.status, frontDoorOf(answer)?.get('response_type')]).toEqual([
        route.path,
        303,
        'none',
      ]);
    }
  });

  test('S19, S22 with an old session: what needs a recent sign-in leads to one, for GET and POST alike', async () => {
    const { agent } = await enter(world);
    clock.move(world.server.settings.lifetimes.recentSignIn + 5);
    for (const route of routes) {
      const answer =
        route.method === 'GET' ? await agent.get(pathOf(route)) : await agent.post(pathOf(route), {});
      const asked = frontDoorOf(answer)?.get('max_age') ?? undefined;
      const wanted = route.needs === 'signed-in' ? undefined : '600';
      expect([route.method, route.path, asked]).toEqual([route.method, route.path, wanted]);
    }
  });

  test('S2 a form without its token, with another form’s, or from another site does nothing', async () => {
    const { agent, page } = await enter(world);
    const { csrf } = formTo(page, '/sign-out').fields;
    for (const route of routes) {
      if (route.method === 'GET') continue;
      const sent = [
        await agent.post(pathOf(route), {}),
        await agent.post(pathOf(route), { csrf: csrf ?? '' }),
        await agent.post(pathOf(route), {}, { origin: 'https://evil.example' }),
        await agent.post(pathOf(route), {}, { 'sec-fetch-site': 'cross-site' }),
      ];
      // A page of something that is not there is not shown again either.
      const old = route.page.includes(':id') ? 404 : 403;
      expect([route.path, ...sent.map(({ status }) => status)]).toEqual([route.path, old, old, 403, 403]);
    }
  });

  test('A9 another account’s ids are as absent as unknown ones, even with a form’s token for them', async () => {
    const { agent } = await enter(world);
    const me = await world.rooms.accounts.findByEmail(world.person.email);
    const forge = await forger(agent);
    for (const route of routes.filter(({ path }) => path.includes(':id'))) {
      const make = owned[route.path];
      expect(make, `${route.path} has no maker of ids in this test`).toBeDefined();
      const ask = (path: string) =>
        route.method === 'GET'
          ? agent.get(path)
          : agent.post(path, { csrf: forge(formPurpose(me?.id ?? '', path)) });
      const [foreign, unknown] = [await ask(pathOf(route, await make?.(other))), await ask(pathOf(route))];
      expect([route.path, foreign.status, unknown.status]).toEqual([route.path, 404, 404]);
    }
  });
});

describe('coming in, on postgres and redis', () => {
  test('one comes back to the page that one asked for', async () => {
    const { page } = await enter(world, world.person, '/account/profile');
    expect(new URL(page.url).pathname).toBe('/account/profile');
  });

  test('whoever cancels the sign-in is sent to the front page, not round in a circle', async () => {
    const agent = createAgent(world.issuer);
    const page = await agent.follow(await agent.get('/account'));
    const form = formTo(page, '/cancel');
    const end = await agent.follow(await agent.post(form.action, { ...form.fields }));
    expect([end.status, new URL(end.url).pathname]).toEqual([200, '/']);
  });

  test('S7 a state that is not of this browser, or not ours, leads to the overview', async () => {
    const { agent } = await enter(world);
    const stranger = frontDoorOf(await createAgent(world.issuer).get('/account/profile'))?.get('state') ?? '';
    const evil = Buffer.from(JSON.stringify(['//evil.example', '', Date.now()])).toString('base64url');
    for (const state of [stranger, `${evil}.${stranger.split('.')[1]}`, evil, '', 'x'.repeat(5000)]) {
      const answer = await agent.get(`/account/return?state=${state}`);
      expect([answer.status, answer.location]).toEqual([303, `${world.issuer}/account`]);
    }
  });

  test('a state is of use as long as a sign-in page, and no longer', async () => {
    const { agent } = await enter(world);
    const nobody = createAgent(
      world.issuer,
      agent.cookies.filter(({ name }) => name === 'cardea.browser'),
    );
    const state = frontDoorOf(await nobody.get('/account/profile'))?.get('state');
    const back = () => agent.get(`/account/return?state=${state}`);
    expect((await back()).location).toBe(`${world.issuer}/account/profile`);
    clock.move(world.server.settings.lifetimes.interaction + 5);
    expect((await back()).location).toBe(`${world.issuer}/account`);
  });

  test('S22 who comes back as another account is told so, and lands on no page of the first', async () => {
    const second = await seedPerson(world.rooms);
    const { agent } = await enter(world);
    clock.move(world.server.settings.lifetimes.recentSignIn + 5);
    const asked = await agent.follow(await agent.get('/account/delete'));
    const switching = await signIn(agent, asked, second);
    // The engine ends the first session by a form of our own, with a button.
    const form = formTo(switching, '/confirm');
    const back = await agent.follow(await agent.post(form.action, { ...form.fields }));
    expect([back.status, new URL(back.url).pathname]).toEqual([200, '/account/return']);
    expect(back.text).toContain('signed in as somebody else');
    expect(back.text).toContain(second.email);
    expect(back.text).not.toContain(world.person.email);
  });

  test('S19 who does not confirm gets no page, and is not sent round in a circle', async () => {
    const { agent } = await enter(world);
    clock.move(world.server.settings.lifetimes.recentSignIn + 5);
    const page = await agent.follow(await agent.get('/account/delete'));
    const form = formTo(page, '/cancel');
    const end = await agent.follow(await agent.post(form.action, { ...form.fields }));
    expect([end.status, new URL(end.url).pathname]).toEqual([403, '/account/return']);
    expect(end.text).toContain('We couldn’t confirm that it’s you');
    expect((await agent.get('/account')).status).toBe(200);
  });

  test('the last administrator is told so, and stays', async () => {
    const admin = await seedPerson(world.rooms);
    const operator = { actor: { kind: 'operator' } } as const;
    await world.rooms.roles.grant(admin.id, { role: 'administrator', audience: 'cardea' }, operator);
    const { page } = await enter(world, admin, '/account/delete');
    expect(page.text).toContain('You are the only administrator here.');
    expect(page.text).not.toContain('Type your e-mail address');
    const { page: another } = await enter(world, world.person, '/account/delete');
    expect(formTo(another, '/account/delete').fields.email).toBe('');
  });
});
