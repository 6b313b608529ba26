/** RFC 9126: a pushed request is its client's own, lives as long as the settings say, and leads to one authorization. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, createAgent } from '../harness/agent.ts';
import {
  authorize,
  redirectUri,
  type SeededClient,
  seedClient,
  seedWebClient,
  signIn,
} from '../harness/seed.ts';
import type { Setup } from '../harness/server.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { authorizeQuery, openWorld, type Reply, type World } from './world.ts';

const setups: readonly (readonly [Setup, string])[] = [
  ['full', 'on postgres and redis, two servers'],
  ['plain', 'on postgres, two servers'],
  ['embedded', 'on embedded, one server'],
];

let clock: MovedClock;
beforeAll(async () => {
  clock = await moveClock();
});
afterEach(() => clock.reset());

interface Pushed extends Reply {
  readonly json: Reply['json'] & { readonly request_uri: string };
}

const fieldsOf = (client: SeededClient, change: Record<string, string | undefined> = {}) =>
  Object.fromEntries(new URLSearchParams(authorizeQuery(client, change).split('?')[1]));

describe.each(setups)('pushed requests with %s: %s', (setup) => {
  let world: World;
  let second: World;
  let client: SeededClient;
  let other: SeededClient;

  beforeAll(async () => {
    world = await openWorld(setup, { CARDEA_LIFETIME_PUSHED_REQUEST: '90s' });
    second = setup === 'embedded' ? world : await world.second();
    client = await seedWebClient(world.rooms, { firstParty: true });
    other = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(() => world?.close());

  const push = (by = client, change: Record<string, string | undefined> = {}, to = world) =>
    to.ask('/oauth2/par', { form: fieldsOf(by, change), client: by }) as Promise<Pushed>;
  const use = (uri: string, by = client) =>
    `/oauth2/authorize?${new URLSearchParams({ client_id: by.clientId, request_uri: uri })}`;
  async function signedIn(): Promise<Agent> {
    const { agent, code } = world.browser(client);
    await code('openid');
    return agent;
  }

  test('a push answers with a URN of ours and the lifetime of the settings', async () => {
    const { status, json, headers } = await push();
    expect(status, JSON.stringify(json)).toBe(201);
    expect(json.request_uri).toMatch(/^urn:ietf:params:oauth:request_uri:P[A-Za-z0-9_-]{43}$/);
    // The engine counts from the second in which it was made.
    expect([89, 90]).toContain(json.expires_in);
    expect(headers['cache-control']).toBe('no-store');
  });

  test('R17 its use is single: 20 at once on two processes, one code', async () => {
    const agent = await signedIn();
    const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    for (let round = 0; round < 3; round += 1) {
      const { json } = await push(client, {}, round % 2 ? second : world);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          (n % 2 ? second : world).ask(use(json.request_uri), { headers: { cookie } }),
        ),
      );
      const won = answers.filter(({ headers }) => /[?&]code=/.test(String(headers.location)));
      expect(won).toHaveLength(1);
      for (const lost of answers.filter((answer) => !won.includes(answer))) {
        // Those that looked before the winner are told in the redirect, later ones on a page.
        expect(`${lost.headers.location ?? ''}${lost.text}`).toContain('invalid_request_uri');
      }
    }
  });

  test('R17 reused, foreign, made up: refused, without a code', async () => {
    const agent = await signedIn();
    const { json } = await push();
    const first = await agent.get(use(json.request_uri));
    expect(new URL(String(first.location)).searchParams.get('code')).toBeTruthy();
    const theirs = (await push(other)).json.request_uri;
    const made = 'urn:ietf:params:oauth:request_uri:P'.padEnd(78, 'x');
    for (const [uri, by] of [
      [json.request_uri, client],
      [theirs, client],
      [made, client],
      [`${theirs}#x`, other],
      ['urn:ietf:params:oauth:request_uri:', client],
    ] as const) {
      // Its own redirect URI beside it, as whoever wants an answer would send it.
      const page = await agent.get(`${use(uri, by)}&redirect_uri=${encodeURIComponent(redirectUri)}`);
      const said = page.location ? new URL(page.location).searchParams.toString() : page.text;
      expect(said, uri).toMatch(/invalid_request_uri|invalid_request_object|invalid_request/);
      expect(said, uri).not.toMatch(/\bcode=/);
    }
    // The foreign one was not used up by the attempt.
    const own = await agent.get(use(theirs, other));
    expect(new URL(String(own.location)).searchParams.get('code')).toBeTruthy();
  });

  test('two pages that were opened with one request end in one code, even after its lifetime', async () => {
    const { json } = await push();
    const [one, two] = [createAgent(world.issuer), createAgent(world.issuer)];
    const pages = [];
    for (const agent of [one, two]) {
      pages.push([agent, await agent.follow(await agent.get(use(json.request_uri)))] as const);
    }
    clock.move(600);
    const ends = [];
    for (const [agent, page] of pages) ends.push(await signIn(agent, page, world.person));
    const said = ends.map(({ location }) => new URL(String(location)).searchParams);
    expect(said.map((found) => found.has('code'))).toEqual([true, false]);
    expect(said[1]?.get('error')).toBe('invalid_request_uri');
  });

  test('through sign-in and consent it leads to one code; what is opened with it afterwards to none', async () => {
    const app = await seedWebClient(world.rooms);
    const { json } = await push(app, { scope: 'openid email' });
    const answer = await authorize(createAgent(world.issuer), use(json.request_uri, app), world.person);
    expect(answer.searchParams.get('code')).toBeTruthy();
    const page = await createAgent(world.issuer).get(use(json.request_uri, app));
    expect([page.status, page.location]).toEqual([400, undefined]);
  });

  test('one that is too large is not stored', async () => {
    const { status, json } = await push(client, {
      claims: JSON.stringify({ userinfo: { email: { x: 'x'.repeat(17_000) } } }),
    });
    expect([status, json.error]).toEqual([400, 'invalid_request']);
  });

  test('expired: refused', async () => {
    const agent = await signedIn();
    const { json } = await push();
    clock.move(91);
    const page = await agent.get(use(json.request_uri));
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(page.text).toContain('invalid_request_uri');
  });
});

test('pushes in the name of a public client are limited by network, those of others by client', async () => {
  const world = await openWorld('embedded', {
    CARDEA_LIMIT_AUTHORIZE_PER_NETWORK: '3/10m',
    CARDEA_LIMIT_TOKEN_PER_CLIENT: '2/10m',
  });
  try {
    const app = await seedWebClient(world.rooms);
    const tab = await seedClient(world.rooms, { name: 'Tab', type: 'spa', redirectUris: [redirectUri] });
    const times = async (by: SeededClient, count: number) => {
      const answers = [];
      for (let n = 0; n < count; n += 1) {
        answers.push(await world.ask('/oauth2/par', { form: fieldsOf(by), client: by }));
      }
      return answers;
    };
    expect((await times(tab, 4)).map(({ status }) => status)).toEqual([201, 201, 201, 429]);
    const [, , refused] = await times(app, 3);
    expect([refused?.status, refused?.json.error]).toEqual([429, 'temporarily_unavailable']);
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
  } finally {
    await world.close();
  }
});
