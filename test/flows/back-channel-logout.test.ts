/**
 * OpenID Connect Back-Channel Logout 1.0 and row S9: whoever signs out, is disabled or takes a consent back, the apps
 * learn of it; one that does not answer is asked again, and delays nobody.
 */
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Agent, formTo } from '../harness/agent.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { createBrowser } from '../harness/codes.ts';
import { type RemoteServer, startRemote } from '../harness/https-server.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { everySetup, openWorld, payloadOf, type World } from './world.ts';

const bye = 'https://app.example.com/bye';
const by = { actor: { kind: 'operator' } } as const;
const authority = makeAuthority();

/** What the receiver was sent at a path, and how it answers there. */
interface Receiver extends RemoteServer {
  readonly got: Map<string, string[]>;
  readonly answers: Map<string, number | 'never'>;
}

async function startReceiver(): Promise<Receiver> {
  const got = new Map<string, string[]>();
  const answers = new Map<string, number | 'never'>();
  const remote = await startRemote(authority.server(), async (req, res) => {
    let body = '';
    for await (const chunk of req) body += String(chunk);
    const path = req.url ?? '';
    got.set(path, [...(got.get(path) ?? []), new URLSearchParams(body).get('logout_token') ?? '']);
    const answer = answers.get(path) ?? 200;
    if (answer !== 'never') res.writeHead(answer).end();
  });
  return { ...remote, got, answers };
}

let clock: MovedClock;
let receiver: Receiver;
beforeAll(async () => {
  clock = await moveClock();
  receiver = await startReceiver();
});
afterEach(() => clock.reset());
afterAll(async () => {
  await receiver?.close();
  authority.remove();
});

describe.each(everySetup)('back-channel logout with %s: %s', (setup) => {
  let world: World;
  let receivers = 0;

  beforeAll(async () => {
    world = await openWorld(setup, {
      CARDEA_OUTBOUND_ALLOW: `localhost:${receiver.port}`,
      CARDEA_OUTBOUND_CA_FILE: authority.caFile,
    });
  });
  afterAll(() => world?.close());

  async function seedReceiver(more: Parameters<typeof seedWebClient>[1] = {}) {
    receivers += 1;
    const path = `/${setup}/${receivers}`;
    const client = await seedWebClient(world.rooms, {
      name: `App ${receivers}`,
      firstParty: true,
      postLogoutRedirectUris: [bye],
      backchannelLogoutUri: receiver.origin + path,
      ...more,
    });
    return { client, path };
  }
  const got = (path: string) => receiver.got.get(path) ?? [];
  const told = (path: string, times = 1) =>
    vi.waitFor(() => expect(got(path)).toHaveLength(times), { timeout: 15_000, interval: 50 });

  async function enter(client: SeededClient, browser = world.browser(client), scope = 'openid') {
    const tokens = (await world.redeem(await browser.code(scope), client)).json;
    return { agent: browser.agent, tokens, sid: payloadOf(tokens.id_token).sid };
  }
  /** The same browser at another client. */
  async function enterToo(agent: Agent, client: SeededClient) {
    return enter(client, createBrowser(world.issuer, client, world.person, undefined, agent));
  }
  async function signOut(agent: Agent, query: Record<string, string> = {}) {
    const page = await agent.get(`/oauth2/logout?${new URLSearchParams(query)}`);
    const form = formTo(page, '/logout/confirm');
    return agent.post(form.action, { ...form.fields, logout: 'yes' });
  }

  test('S9 every app of the session is told once, with a token that a stranger’s library verifies', async () => {
    const one = await seedReceiver();
    const two = await seedReceiver({ idTokenAlg: 'ES256' });
    const { agent, sid } = await enter(one.client);
    const other = await enterToo(agent, two.client);
    const answer = await signOut(agent);
    expect(got(one.path)).toHaveLength(1);
    expect(got(two.path)).toHaveLength(1);
    const shown = await agent.get(new URL(String(answer.location)).href);
    expect(shown.text).toMatch(/Signed out of[\s\S]*App \d+[\s\S]*App \d+/);

    const keys = createRemoteJWKSet(new URL(`${world.issuer}/oauth2/jwks`));
    for (const [receivedBy, name, alg] of [
      [one, sid, 'RS256'],
      [two, other.sid, 'ES256'],
    ] as const) {
      const { payload, protectedHeader } = await jwtVerify(got(receivedBy.path)[0] ?? '', keys, {
        issuer: world.issuer,
        audience: receivedBy.client.clientId,
        typ: 'logout+jwt',
        algorithms: [alg],
        requiredClaims: ['iat', 'exp', 'jti', 'sub', 'sid', 'events'],
      });
      expect(protectedHeader.alg).toBe(alg);
      expect(payload.sid).toBe(name);
      expect(payload.events).toEqual({ 'http://schemas.openid.net/event/backchannel-logout': {} });
      expect(payload).not.toHaveProperty('nonce');
      expect(Number(payload.exp) - Number(payload.iat)).toBeLessThanOrEqual(300);
    }
  });

  test('S9 a receiver that answers 500 or never delays nobody, is named to the person, and is told later', async () => {
    const dead = await seedReceiver({ name: 'Dead' });
    const broken = await seedReceiver({ name: 'Broken' });
    const well = await seedReceiver({ name: 'Well' });
    const deaf = await seedWebClient(world.rooms, { name: 'Deaf', firstParty: true });
    receiver.answers.set(dead.path, 'never').set(broken.path, 500);
    const { agent } = await enter(dead.client);
    for (const { client } of [broken, well, { client: deaf }]) await enterToo(agent, client);

    const answer = await signOut(agent, {
      client_id: well.client.clientId,
      post_logout_redirect_uri: bye,
      state: 'back',
    });
    expect(got(well.path)).toHaveLength(1);
    const page = new URL(String(answer.location));
    expect(page.pathname).toBe('/oauth2/logout/success');
    const shown = await agent.get(page.href);
    expect(shown.text).toMatch(/Signed out of[\s\S]*Well[\s\S]*Still being told[\s\S]*Dead[\s\S]*Broken/);
    expect(shown.text).toMatch(/Could not be told[\s\S]*Deaf/);
    // On to the app, at its own registered address and no other.
    expect(shown.text).toContain(`href="${bye}?state=back"`);
    page.searchParams.set('to', 'https://evil.example/');
    expect((await agent.get(page.href)).text).not.toContain('evil.example');

    receiver.answers.clear();
    clock.move(60);
    await told(broken.path, 2);
    await told(dead.path, 2);
    await vi.waitFor(async () =>
      expect(await world.rooms.logoutQueue.health(broken.client.clientId)).toMatchObject({
        due: 0,
        failed: 0,
      }),
    );
  });

  test('all told: the browser goes straight on to the app', async () => {
    const { client, path } = await seedReceiver();
    const { agent } = await enter(client);
    const answer = await signOut(agent, { client_id: client.clientId, post_logout_redirect_uri: bye });
    expect(String(answer.location)).toBe(bye);
    expect(got(path)).toHaveLength(1);
  });

  test('S9 a disabled account, a new password and a withdrawn consent tell the apps, whoever delivers', async () => {
    const { rooms } = setup === 'embedded' ? world : await world.second();
    const ends: [string, (person: Person, client: SeededClient) => Promise<unknown>][] = [
      ['disabled', ({ id }) => rooms.accounts.disable(id, by)],
      ['password', ({ id }) => rooms.accounts.setPassword(id, 'a long new password 7', by)],
      ['withdrawn', ({ id }, { clientId }) => rooms.consents.withdraw(id, clientId, by)],
      ['everywhere', ({ id }) => rooms.sessions.signOutEverywhere(id, by)],
    ];
    for (const [what, end] of ends) {
      const person = await seedPerson(world.rooms);
      const { client, path } = await seedReceiver({ name: what, firstParty: false });
      const { sid } = await enter(client, world.browser(client, person));
      await end(person, client);
      await told(path);
      expect(payloadOf(got(path)[0] ?? '')).toMatchObject({ sub: person.id, sid });
    }
  });

  test('a receiver that stays away is given up after nine hours, and that is an audit event', async () => {
    const { client, path } = await seedReceiver();
    receiver.answers.set(path, 503);
    const { agent } = await enter(client);
    await signOut(agent);
    const { db } = world.rooms.database;
    const tries = async () =>
      (
        await db
          .selectFrom('logout_notices')
          .select('tries')
          .where('client_id', '=', client.clientId)
          .executeTakeFirstOrThrow()
      ).tries;
    for (const [failures, pauseSeconds] of [2, 10, 60, 300, 1800, 7200, 21_600].entries()) {
      await vi.waitFor(async () => expect(await tries()).toBe(failures + 1), { timeout: 10_000 });
      clock.move(pauseSeconds + 1);
      await told(path, failures + 2);
    }
    const health = () => world.rooms.logoutQueue.health(client.clientId);
    await vi.waitFor(async () => expect(await health()).toMatchObject({ due: 0, failed: 1 }), {
      timeout: 10_000,
    });
    expect((await health()).lastFault).toContain('503');
    await vi.waitFor(
      async () => {
        const events = await db
          .selectFrom('audit_events')
          .select('detail')
          .where('type', '=', 'logout.given-up')
          .where('client_id', '=', client.clientId)
          .execute();
        expect(events).toEqual([{ detail: { tries: 8 } }]);
      },
      { timeout: 10_000 },
    );
  });

  test('staying signed in tells only the app that asked', async () => {
    const asking = await seedReceiver();
    const other = await seedReceiver();
    const { agent } = await enter(asking.client);
    await enterToo(agent, other.client);
    const page = await agent.get(`/oauth2/logout?client_id=${asking.client.clientId}`);
    const form = formTo(page, '/logout/confirm');
    await agent.post(form.action, form.fields);
    await told(asking.path);
    expect(got(other.path)).toEqual([]);
  });
});
