/** A Cardea with a person in it, and short ways to ask it: what the flow tests have in common. */
import { randomBytes } from 'node:crypto';
import { createAgent } from '../harness/agent.ts';
import { type Browser, type Code, createBrowser, redeemForm } from '../harness/codes.ts';
import { type Person, redirectUri, type SeededClient, seedPerson } from '../harness/seed.ts';
import { freshStores, type Setup, startServer, type TestServer } from '../harness/server.ts';
import { type Answer, askPort, basic } from '../harness/two.ts';

/** Every set-up, for `describe.each`: the title names the backend. */
export const everySetup: readonly (readonly [Setup, string])[] = [
  ['embedded', 'on embedded'],
  ['plain', 'on postgres'],
  ['full', 'on postgres and redis'],
];

/** Limits are another test's matter: all tests come from one address. */
export const wideLimits = Object.fromEntries(
  [
    'TOKEN_PER_NETWORK',
    'TOKEN_PER_CLIENT',
    'AUTHORIZE_PER_NETWORK',
    'PAGES_PER_NETWORK',
    'INTROSPECT_PER_NETWORK',
    'FAILED_CLIENT_AUTH_PER_NETWORK',
    'REFUSALS_PER_NETWORK',
    'SIGN_IN_PER_ACCOUNT',
    'SIGN_IN_PER_NETWORK',
    'SIGN_IN_PER_ACCOUNT_AND_NETWORK',
    'SIGN_IN_PER_DEVICE',
    'ASKED_MAIL_PER_NETWORK',
    'ASKED_MAIL',
    'CODE_TRIES_PER_NETWORK',
    'CODES_PER_ACCOUNT',
  ].map((name) => [`CARDEA_LIMIT_${name}`, '1000000/1m']),
);

/** What the JSON answers of the protocol hold, by their wire names; a member that is absent is undefined. */
export interface Wire {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly error: string;
  readonly error_description: string;
  readonly reference: string;
  readonly active: boolean;
  readonly sub: string;
}

export interface Reply extends Answer {
  readonly json: Wire;
}

export interface World {
  readonly issuer: string;
  readonly server: TestServer;
  readonly rooms: TestServer['rooms'];
  readonly person: Person;
  /** One request to this process; `client` authenticates by HTTP Basic, or by its id alone when it has no secret. */
  ask(path: string, o?: AskOptions): Promise<Reply>;
  token(form: Record<string, string>, client?: SeededClient): Promise<Reply>;
  refresh(refreshToken: string, client: SeededClient, more?: Record<string, string>): Promise<Reply>;
  userinfo(accessToken: string): Promise<Reply>;
  introspect(token: string, client: SeededClient): Promise<Reply>;
  revoke(token: string, client: SeededClient): Promise<Reply>;
  /** A signed-in browser of that person, which comes back to `callback`. */
  browser(client: SeededClient, person?: Person, callback?: string): Browser;
  redeem(code: Code, client: SeededClient, callback?: string): Promise<Reply>;
  /** A whole code flow of a fresh browser. @throws when there are no tokens */
  signIn(client: SeededClient, scope: string, more?: Record<string, string>): Promise<Wire>;
  /** The same world seen by another process on the same stores. */
  second(): Promise<World>;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly form?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly method?: string;
  readonly client?: SeededClient | undefined;
}

export async function openWorld(
  setup: Setup = 'full',
  environment: Readonly<Record<string, string>> = {},
): Promise<World> {
  const stores = await freshStores(setup);
  const settings = { environment: { ...wideLimits, ...environment } };
  const server = await startServer(stores, settings);
  const person = await seedPerson(server.rooms);
  const others: TestServer[] = [];
  return worldOf(server, person, {
    async second() {
      const other = await startServer(stores, { ...settings, issuer: server.issuer });
      others.push(other);
      return worldOf(other, person, { second: unused, close: unused });
    },
    async close() {
      for (const one of [...others, server]) await one.stop();
      await stores.drop();
    },
  });
}

function worldOf(server: TestServer, person: Person, life: Pick<World, 'second' | 'close'>): World {
  const { issuer, rooms, settings } = server;
  const { host } = new URL(issuer);

  const world: World = {
    issuer,
    server,
    rooms,
    person,
    async ask(path, { form, headers, method, client } = {}) {
      const isPublic = client && !client.secret;
      const answer = await askPort(settings.port, host, path, {
        ...(form ? { form: isPublic ? { client_id: client.clientId, ...form } : form } : {}),
        headers: { ...(client && !isPublic ? basic(client) : {}), ...headers },
        ...(method ? { method } : {}),
      });
      return { ...answer, json: parsed(answer.text) };
    },
    token: (form, client) => world.ask('/oauth2/token', { form, client }),
    refresh: (refreshToken, client, more) =>
      world.token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...more }, client),
    userinfo: (accessToken) => world.ask('/oauth2/userinfo', { headers: bearer(accessToken) }),
    introspect: (token, client) => world.ask('/oauth2/introspect', { form: { token }, client }),
    revoke: (token, client) => world.ask('/oauth2/revoke', { form: { token }, client }),
    browser: (client, by = person, callback = redirectUri) => createBrowser(issuer, client, by, callback),
    redeem: (code, client, callback) => world.token(redeemForm(code, callback), client),
    async signIn(client, scope, more) {
      const { status, json, text } = await world.redeem(
        await world.browser(client).code(scope, more),
        client,
      );
      if (status !== 200) throw new Error(`no tokens: ${status} ${text}`);
      return json;
    },
    ...life,
  };
  return world;
}

export function bearer(accessToken: string): { authorization: string } {
  return { authorization: `Bearer ${accessToken}` };
}

/** An authorization request with everything that a good one has; `undefined` leaves a parameter out. */
export function authorizeQuery(
  client: Pick<SeededClient, 'clientId'>,
  change: Record<string, string | undefined> = {},
): string {
  const all = {
    client_id: client.clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    state: 'the-state',
    code_challenge: randomBytes(32).toString('base64url'),
    code_challenge_method: 'S256',
    ...change,
  };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(all)) if (value !== undefined) query.set(name, value);
  return `/oauth2/authorize?${query}`;
}

export const freshAgent = (world: World) => createAgent(world.issuer);

/** The payload of a JWT, unverified. */
export function payloadOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
}

function parsed(text: string): Wire {
  try {
    return JSON.parse(text) as Wire;
  } catch {
    return {} as Wire;
  }
}

async function unused(): Promise<never> {
  throw new Error('only the first process does this');
}
