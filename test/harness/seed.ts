/** Accounts, clients and APIs for flow tests, made through the rooms as the command line does. */
import { randomBytes } from 'node:crypto';
import type { Rooms } from '../../src/rooms.ts';
import { type Agent, createAgent, formTo, type Page } from './agent.ts';

const by = { actor: { kind: 'operator' } } as const;

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

export async function seedPerson(
  rooms: Rooms,
  email = `ada-${randomBytes(4).toString('hex')}@example.com`,
): Promise<Person> {
  const password = randomBytes(12).toString('base64url');
  const made = await rooms.accounts.create(
    { email, password, name: 'Ada Lovelace', emailVerified: true },
    by,
  );
  if (made.kind !== 'created') throw new Error(JSON.stringify(made));
  return { id: made.account.id, email, password };
}

type ClientInput = Parameters<Rooms['clients']['create']>[0];

export interface SeededClient {
  readonly clientId: string;
  /** '' for a public client. */
  readonly secret: string;
}

export async function seedClient(rooms: Rooms, input: ClientInput): Promise<SeededClient> {
  const made = await rooms.clients.create(input, by.actor);
  if (made.kind !== 'created') throw new Error(JSON.stringify(made));
  return { clientId: made.client.clientId, secret: made.secret ?? '' };
}

export const redirectUri = 'https://app.example.com/callback';

export function seedWebClient(rooms: Rooms, more: Partial<ClientInput> = {}): Promise<SeededClient> {
  return seedClient(rooms, { name: 'Orders', type: 'web', redirectUris: [redirectUri], ...more });
}

export async function seedApi(
  rooms: Rooms,
  audience = 'https://api.example.com',
  more: Partial<Parameters<Rooms['resources']['create']>[0]> = {},
): Promise<string> {
  const made = await rooms.resources.create(
    { audience, name: 'Orders API', scopes: ['orders:read', 'orders:write'], ...more },
    by.actor,
  );
  if (made.kind !== 'created') throw new Error(JSON.stringify(made));
  return audience;
}

/** Signs in on the page that `page` shows. */
export async function signIn(agent: Agent, page: Page, person: Person): Promise<Page> {
  const form = formTo(page, '/sign-in');
  const answer = await agent.post(form.action, {
    ...form.fields,
    email: person.email,
    password: person.password,
  });
  return agent.follow(answer);
}

/** Allows on the consent page; gives the redirect to the client. */
export async function allow(agent: Agent, page: Page): Promise<Page> {
  const form = formTo(page, '/consent');
  return agent.follow(await agent.post(form.action, { ...form.fields }));
}

/** From the authorization request to the redirect URI with its answer, through whatever pages come. */
export async function authorize(agent: Agent, url: string, person: Person): Promise<URL> {
  let page = await agent.follow(await agent.get(url));
  for (let steps = 0; steps < 4; steps += 1) {
    if (page.location) return new URL(page.location);
    if (page.text.includes('/sign-in"')) page = await signIn(agent, page, person);
    else page = await allow(agent, page);
  }
  throw new Error(`no answer: ${page.status} ${page.url}\n${page.text.slice(0, 2000)}`);
}

export { createAgent };
