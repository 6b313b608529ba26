/** A server under load with everything that asking it needs: clients, signed-in browsers, tokens. */
import { type Agent, createAgent, formsOf } from '../test/harness/agent.ts';
import { authorize, type Person, redirectUri } from '../test/harness/seed.ts';
import { resource, type Scene } from './bare-scene.ts';
import type { Child } from './child.ts';
import { type Connection, openConnection } from './http-load.ts';

/** Eight requests at a time keep one process busy without a queue that would only measure itself. */
export const CONNECTIONS = 8;

export interface Subject {
  readonly name: 'cardea' | 'bare';
  readonly child: Child;
  readonly scene: Scene;
  readonly connections: readonly Connection[];
  /** The Cookie header of a signed-in browser for each connection. */
  readonly browsers: string[];
}

/** S256 of the verifier (RFC 7636 appendix B). */
export const pkce = {
  verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
} as const;

/** What a code is asked for: a JWT for the API, or an opaque token for userinfo. */
export type Asked = 'api' | 'person';

/** The address of an authorization request. */
export function authorizePath({ web }: Scene, asked: Asked): string {
  const query = new URLSearchParams({
    client_id: web.clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: `openid profile email offline_access${asked === 'api' ? ' orders:read' : ''}`,
    state: 'af0ifjsldkj',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...(asked === 'api' ? { resource } : {}),
  });
  return `/oauth2/authorize?${query}`;
}

export async function createSubject(
  name: Subject['name'],
  child: Child,
  scene: Scene,
  connections = CONNECTIONS,
): Promise<Subject> {
  const subject: Subject = {
    name,
    child,
    scene,
    connections: Array.from({ length: connections }, () => openConnection(child)),
    browsers: [],
  };
  await signInBrowsers(subject);
  return subject;
}

/**
 * One signed-in browser a connection, with consent for what will be asked. On the bare engine it is done again before
 * each run: its in-memory adapter forgets a session that 1,000 newer entries have pushed out, and walks over everything
 * that a grant ever issued, which would make it slower and slower.
 */
export async function signInBrowsers({ name, child, scene, connections, browsers }: Subject): Promise<void> {
  const [person] = scene.people;
  if (!person) throw new Error('nobody to sign in');
  for (const index of connections.keys()) {
    const agent = createAgent(child.issuer);
    for (const asked of ['person', 'api'] as const) {
      const path = authorizePath(scene, asked);
      const answer =
        name === 'cardea'
          ? await authorize(agent, child.issuer + path, person)
          : await throughForms(agent, path, person);
      if (!answer.searchParams.get('code')) throw new Error(`no code: ${answer.href}`);
    }
    browsers[index] = agent.cookies
      .filter(({ path }) => path === '/')
      .map(({ name: cookie, value }) => `${cookie}=${value}`)
      .join('; ');
  }
}

/** The bare engine's own pages: a sign-in that believes every name, and a consent. */
async function throughForms(agent: Agent, path: string, person: Person): Promise<URL> {
  let page = await agent.follow(await agent.get(path));
  for (let steps = 0; steps < 4; steps += 1) {
    if (page.location) return new URL(page.location);
    const [form] = formsOf(page);
    if (!form) break;
    const typed = 'login' in form.fields ? { login: person.id, password: person.password } : {};
    page = await agent.follow(await agent.post(form.action, { ...form.fields, ...typed }));
  }
  throw new Error(`no answer: ${page.status} ${page.url}\n${page.text.slice(0, 2000)}`);
}

export function basicOf({ clientId, secret }: { clientId: string; secret: string }): string {
  return `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`;
}
