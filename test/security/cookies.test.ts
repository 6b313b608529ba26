/** S6: every cookie that the server sets on the ways through it, on https behind a proxy and on http loopback. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorizeQuery, openWorld, type World } from '../flows/world.ts';
import { type Agent, formTo } from '../harness/agent.ts';
import { allow, authorize, type SeededClient, seedWebClient, signIn } from '../harness/seed.ts';
import { agentBehindProxy } from './behind-proxy.ts';

interface SetCookie {
  readonly name: string;
  readonly value: string;
  readonly attributes: ReadonlySet<string>;
  readonly path: string;
}

const origins = [
  ['an https issuer', 'https://id.example.com'],
  ['http loopback', undefined],
] as const;

describe.each(origins)('S6 cookies of %s', (_, issuer) => {
  let world: World;
  let web: SeededClient;
  const seen: SetCookie[] = [];
  let agent: Agent;
  const isSecure = issuer !== undefined;

  beforeAll(async () => {
    world = await openWorld('full', issuer ? { CARDEA_ISSUER: issuer } : {});
    web = await seedWebClient(world.rooms);
    agent = agentBehindProxy(issuer ?? world.issuer, world.server.settings.port, {
      onCookie: (line) => seen.push(parsed(line)),
    });
    // A whole life: refused, signed in, consented, silent, signed out at the front page and by an app.
    const first = await agent.follow(await agent.get(authorizeQuery(web)));
    const form = formTo(first, '/sign-in');
    await agent.post(form.action, { ...form.fields, email: 'nobody@example.com', password: 'no' });
    await allow(agent, await signIn(agent, first, world.person));
    await authorize(agent, authorizeQuery(web, { prompt: 'none' }), world.person);
    const front = await agent.get('/');
    const out = formTo(front, '/sign-out');
    expect((await agent.post(out.action, { ...out.fields })).location).toMatch(
      /\/signed-out(?:\?told=[\w-]+)?$/,
    );
    await authorize(agent, authorizeQuery(web), world.person);
    const asked = formTo(await agent.get('/oauth2/logout'), '/confirm');
    await agent.post(asked.action, { ...asked.fields, logout: 'yes' });
  });
  afterAll(() => world?.close());

  const names = isSecure
    ? {
        '__Host-cardea.session': '/',
        '__Host-cardea.browser': '/',
        '__Host-cardea.device': '/',
        '__Secure-cardea.interaction': '/interaction/',
        '__Secure-cardea.resume': '/oauth2/authorize/',
        '__Secure-cardea.again': '/interaction/',
      }
    : {
        'cardea.session': '/',
        'cardea.browser': '/',
        'cardea.device': '/',
        'cardea.interaction': '/interaction/',
        'cardea.resume': '/oauth2/authorize/',
        'cardea.again': '/interaction/',
      };

  test('the prefixes that a browser holds us to, and no other names', () => {
    const bare = new Set(seen.map(({ name }) => name.replace(/\.sig$/, '')));
    expect([...bare].sort()).toEqual(Object.keys(names).sort());
  });

  test('HttpOnly, SameSite=Lax, no Domain; Secure on https', () => {
    for (const { name, attributes } of seen) {
      expect(attributes, name).toContain('httponly');
      expect(attributes, name).toContain('samesite=lax');
      expect(attributes.has('secure'), name).toBe(isSecure);
      expect(
        [...attributes].filter((one) => one.startsWith('domain')),
        name,
      ).toEqual([]);
    }
  });

  test('a path of its own where a cookie is for one step, else the whole host', () => {
    for (const { name, path } of seen) {
      const expected = (names as Record<string, string>)[name.replace(/\.sig$/, '')] ?? 'unknown';
      if (expected === '/') expect(path, name).toBe('/');
      else expect(path.startsWith(expected) && path.length > expected.length, `${name} ${path}`).toBe(true);
    }
  });

  test('those that the engine reads are signed, and a changed one is nobody’s', async () => {
    const session = Object.keys(names)[0] ?? '';
    expect(seen.some(({ name }) => name === `${session}.sig`)).toBe(true);
    const fresh = agentBehindProxy(issuer ?? world.issuer, world.server.settings.port);
    await authorize(fresh, authorizeQuery(web), world.person);
    const value = fresh.cookies.find(({ name }) => name === session)?.value ?? '';
    const signature = fresh.cookies.find(({ name }) => name === `${session}.sig`)?.value ?? '';
    const open = (cookie: string) =>
      agentBehindProxy(issuer ?? world.issuer, world.server.settings.port).get('/', { cookie });
    expect((await open(`${session}=${value}; ${session}.sig=${signature}`)).text).toContain('signed in');
    for (const cookie of [
      `${session}=${value}`,
      `${session}=${value}; ${session}.sig=${signature.split('').reverse().join('')}`,
      `${session}=${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}; ${session}.sig=${signature}`,
    ]) {
      expect((await open(cookie)).text).toContain('Sign-in service');
    }
  });

  test('each is small, and signing out takes the session cookie back', () => {
    for (const { name, value } of seen) expect(value.length + name.length, name).toBeLessThan(4096);
    const session = Object.keys(names)[0] ?? '';
    expect(agent.cookies.filter(({ name }) => name.startsWith(session))).toEqual([]);
  });

  test('HSTS on https alone', async () => {
    const { headers } = await agent.get('/');
    expect(headers.has('strict-transport-security')).toBe(isSecure);
  });
});

function parsed(line: string): SetCookie {
  const [pair = '', ...rest] = line.split(/;\s*/);
  const attributes = new Set(rest.map((one) => one.toLowerCase()));
  const path = rest.find((one) => /^path=/i.test(one))?.slice(5) ?? '';
  const at = pair.indexOf('=');
  return { name: pair.slice(0, at), value: pair.slice(at + 1), attributes, path };
}
