/** An issuer with a path, behind a proxy that keeps the path and behind one that strips it. */
import * as oidc from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorizeQuery, openWorld, payloadOf, type World } from '../flows/world.ts';
import { type Agent, formTo } from '../harness/agent.ts';
import { freePort } from '../harness/ports.ts';
import { allow, redirectUri, type SeededClient, seedWebClient, signIn } from '../harness/seed.ts';
import { agentBehindProxy } from './behind-proxy.ts';

const proxies = [
  ['keeps', (path: string) => path],
  ['strips', (path: string) => path.replace(/^\/auth(?=\/|$|\?)/, '') || '/'],
] as const;

describe.each(proxies)('an issuer with a path behind a proxy that %s it', (_, rewrite) => {
  let world: World;
  let web: SeededClient;
  let issuer: string;
  let origin: string;
  let agent: Agent;
  const setPaths = new Map<string, string>();
  /** openid-client asks for the public addresses: they reach the server through the same proxy. */
  const throughProxy: oidc.CustomFetch = async (input, init) => {
    const url = new URL(input);
    return fetch(origin + rewrite(url.pathname + url.search), init as RequestInit);
  };

  beforeAll(async () => {
    const port = String(await freePort());
    origin = `http://localhost:${port}`;
    issuer = `${origin}/auth`;
    world = await openWorld('full', { PORT: port, CARDEA_ISSUER: issuer });
    web = await seedWebClient(world.rooms, { postLogoutRedirectUris: ['https://app.example.com/bye'] });
    agent = agentBehindProxy(origin, Number(port), {
      rewrite,
      onCookie: (line) => {
        const [name = ''] = line.split('=');
        const path = /path=([^;]*)/i.exec(line)?.[1] ?? '';
        setPaths.set(name, path);
      },
    });
  });
  afterAll(() => world?.close());

  test('a client library: discovery, sign-in, tokens, userinfo, sign-out', async () => {
    const config = await oidc.discovery(new URL(issuer), web.clientId, web.secret, undefined, {
      execute: [oidc.allowInsecureRequests],
      [oidc.customFetch]: throughProxy,
    });
    for (const [name, value] of Object.entries(config.serverMetadata())) {
      if (name.endsWith('_endpoint') || name === 'jwks_uri')
        expect(String(value)).toMatch(`${issuer}/oauth2/`);
    }
    const verifier = oidc.randomPKCECodeVerifier();
    const asked = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid email',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const page = await agent.follow(await agent.get(asked.href));
    expect(new URL(page.url).pathname).toMatch(/^\/auth\/interaction\//);
    const end = await allow(agent, await signIn(agent, page, world.person));
    const tokens = await oidc.authorizationCodeGrant(config, new URL(String(end.location)), {
      pkceCodeVerifier: verifier,
    });
    expect(payloadOf(tokens.id_token ?? '').iss).toBe(issuer);
    expect(await oidc.fetchUserInfo(config, tokens.access_token, world.person.id)).toMatchObject({
      email: world.person.email,
    });
    const out = oidc.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'https://app.example.com/bye',
    });
    const form = formTo(await agent.get(out.href), '/auth/oauth2/logout/confirm');
    const done = await agent.post(form.action, { ...form.fields, logout: 'yes' });
    expect(done.location).toBe('https://app.example.com/bye');
    await expect(oidc.fetchUserInfo(config, tokens.access_token, world.person.id)).rejects.toThrow();
  });

  test('RFC 8414 section 3: the metadata of an issuer with a path is also at the well-known address before it', async () => {
    const inserted = await world.ask('/.well-known/oauth-authorization-server/auth', { headers: own() });
    expect([inserted.status, JSON.parse(inserted.text).issuer]).toEqual([200, issuer]);
    expect(
      (await world.ask('/.well-known/oauth-authorization-server/other', { headers: own() })).status,
    ).toBe(404);
  });
  const own = () => ({ host: new URL(origin).host });

  test('the front page, its assets, sign-in and sign-out stay below the path', async () => {
    const front = await agent.get('/auth/');
    const assets = [...front.text.matchAll(/(?:src|href)="([^"]*\/assets\/[^"]*)"/g)].map(([, url]) => url);
    expect(assets.length).toBeGreaterThan(2);
    for (const url of assets) {
      expect(url).toMatch(/^\/auth\/assets\//);
      expect((await agent.get(String(url))).status).toBe(200);
    }
    const link = /<a class="[^"]*" href="([^"]*authorize[^"]*)"/
      .exec(front.text)?.[1]
      ?.replaceAll('&#38;', '&');
    expect(link).toMatch(/^\/auth\/oauth2\/authorize\?/);
    const page = await agent.follow(await agent.get(String(link)));
    const home = await signIn(agent, page, world.person);
    expect([home.status, new URL(home.url).pathname]).toEqual([200, '/auth/']);
    expect(home.text).toContain(world.person.email);
    const out = formTo(home, '/auth/sign-out');
    const done = await agent.follow(await agent.post(out.action, { ...out.fields }));
    expect(new URL(done.url).pathname).toBe('/auth/signed-out');
    expect(done.text).toContain('href="/auth/"');
  });

  test('S6 cookies that are bound to a step are bound below the path', () => {
    for (const name of ['cardea.interaction', 'cardea.again']) {
      expect(setPaths.get(name), name).toMatch(/^\/auth\/interaction\/./);
    }
    expect(setPaths.get('cardea.resume')).toMatch(/^\/auth\/oauth2\/authorize\/./);
    expect(setPaths.get('cardea.session')).toBe('/');
  });

  test('a stale page and an error lead back below the path', async () => {
    const page = await agent.follow(await agent.get(`/auth${authorizeQuery(web, { prompt: 'login' })}`));
    await signIn(agent, page, world.person);
    const stale = await agent.get(page.url);
    expect(stale.status).toBe(410);
    expect(stale.text).toContain('href="/auth/oauth2/authorize?');
    expect((await agent.get('/auth/nowhere')).text).toContain('href="/auth/"');
  });
});
