/** OpenID Connect Core section 8: wherever `sub` leaves the house, a pairwise client sees its own name for a person. */
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAgent } from '../harness/agent.ts';
import {
  authorize,
  redirectUri,
  type SeededClient,
  seedApi,
  seedClient,
  seedPerson,
  seedWebClient,
} from '../harness/seed.ts';
import { authorizeQuery, everySetup, openWorld, payloadOf, type World } from './world.ts';

describe.each(everySetup)('pairwise subjects with %s: %s', (setup) => {
  let world: World;
  let app: SeededClient;
  let sibling: SeededClient;
  let stranger: SeededClient;
  let everybody: SeededClient;
  let api: SeededClient;
  const elsewhere = 'https://other.example.org/callback';
  const pairwise = { subjectType: 'pairwise', firstParty: true } as const;

  beforeAll(async () => {
    world = await openWorld(setup);
    const audience = await seedApi(world.rooms);
    api = await seedClient(world.rooms, { name: 'API', type: 'service', resources: [audience] });
    await world.rooms.resources.update(
      audience,
      { introspectionClientId: api.clientId },
      { kind: 'operator' },
    );
    app = await seedWebClient(world.rooms, { ...pairwise, userinfoAlg: 'ES256' });
    sibling = await seedWebClient(world.rooms, pairwise);
    stranger = await seedWebClient(world.rooms, { ...pairwise, redirectUris: [elsewhere] });
    everybody = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(() => world?.close());

  const scope = 'openid profile email offline_access';
  const subAt = async (client: SeededClient, callback = redirectUri) => {
    const answer = await world.redeem(
      await world.browser(client, world.person, callback).code('openid'),
      client,
      callback,
    );
    return String(payloadOf(answer.json.id_token).sub);
  };

  test('one name in a sector, another one elsewhere, and never the account’s own', async () => {
    const [own, again, same, other] = [
      await subAt(app),
      await subAt(app),
      await subAt(sibling),
      await subAt(stranger, elsewhere),
    ];
    expect(own).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect([again, same]).toEqual([own, own]);
    expect(other).not.toBe(own);
    expect(other).not.toBe(world.person.id);
    expect(await subAt(everybody)).toBe(world.person.id);
  });

  test('ID token, userinfo, access tokens, introspection and refresh agree, and nothing names the account', async () => {
    const sub = await subAt(app);
    const opaque = await world.signIn(app, scope);
    const jwt = await world.signIn(app, `${scope} orders:read`);
    const next = (await world.refresh(jwt.refresh_token, app)).json;
    const answers = [
      (await world.userinfo(opaque.access_token)).text,
      (await world.introspect(opaque.access_token, app)).text,
      (await world.introspect(opaque.refresh_token, app)).text,
      (await world.introspect(jwt.access_token, app)).text,
      (await world.introspect(jwt.access_token, api)).text,
      (await world.introspect(next.access_token, api)).text,
    ];
    const subjects = [
      payloadOf(opaque.id_token).sub,
      payloadOf(jwt.access_token).sub,
      payloadOf(next.access_token).sub,
      payloadOf(next.id_token).sub,
      decodeJwt(answers[0] ?? '').sub,
      ...answers.slice(1).map((text) => (JSON.parse(text) as { sub: string }).sub),
    ];
    expect(subjects).toEqual(subjects.map(() => sub));
    const tokens = [opaque, jwt, next].flatMap(({ id_token, access_token }) => [id_token, access_token]);
    const opened = tokens
      .filter((token) => token.includes('.'))
      .map((token) => JSON.stringify(decodeJwt(token)));
    for (const text of [...answers, ...opened, JSON.stringify(decodeJwt(answers[0] ?? ''))]) {
      expect(text).not.toContain(world.person.id);
    }
  });

  test('id_token_hint and claims.sub are compared by that name', async () => {
    const browser = world.browser(app);
    const { json } = await world.redeem(await browser.code('openid'), app);
    const other = await seedPerson(world.rooms);
    const theirs = await world.redeem(await world.browser(app, other).code('openid'), app);
    const ask = async (more: Record<string, string>) => {
      const page = await browser.agent.get(authorizeQuery(app, { prompt: 'none', ...more }));
      return new URL(String(page.location)).searchParams;
    };
    const claims = (value: unknown) => ({ claims: JSON.stringify({ id_token: { sub: { value } } }) });
    const sub = payloadOf(json.id_token).sub;
    expect((await ask({ id_token_hint: json.id_token })).get('code')).toBeTruthy();
    expect((await ask(claims(sub))).get('code')).toBeTruthy();
    for (const more of [{ id_token_hint: theirs.json.id_token }, claims(world.person.id)]) {
      expect((await ask(more)).get('error')).toBe('login_required');
    }
  });

  test('what was issued is ended by the account, whatever it is called', async () => {
    const jwt = await world.signIn(app, 'openid orders:read');
    expect((await world.introspect(jwt.access_token, api)).json.active).toBe(true);
    await world.revoke(jwt.access_token, app);
    expect((await world.introspect(jwt.access_token, api)).json.active).toBe(false);
  });
});

test('openid-client goes through with a pairwise client, on another process too', async () => {
  const world = await openWorld('full');
  try {
    const second = await world.second();
    const app = await seedWebClient(world.rooms, { subjectType: 'pairwise', firstParty: true });
    const config = await oidc.discovery(new URL(world.issuer), app.clientId, app.secret, undefined, {
      execute: [oidc.allowInsecureRequests],
    });
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid email',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    });
    const answer = await authorize(createAgent(world.issuer), url.href, world.person);
    const tokens = await oidc.authorizationCodeGrant(config, answer, { pkceCodeVerifier });
    const sub = String(tokens.claims()?.sub);
    expect(await oidc.fetchUserInfo(config, tokens.access_token, sub)).toMatchObject({
      email: world.person.email,
    });
    expect(JSON.parse((await second.userinfo(tokens.access_token)).text).sub).toBe(sub);
    // The document of a sector is asked through the guard.
    const inside = {
      name: 'Sly',
      type: 'web',
      redirectUris: [redirectUri],
      subjectType: 'pairwise',
    } as const;
    for (const sectorIdentifierUri of ['https://169.254.169.254/s', 'https://localhost/s']) {
      const made = await world.rooms.clients.create({ ...inside, sectorIdentifierUri }, { kind: 'operator' });
      expect(made).toMatchObject({ kind: 'faults', faults: [{ fault: expect.stringMatching(/refused/) }] });
    }
    const keys = await (await fetch(`${world.issuer}/oauth2/jwks`)).json();
    await jwtVerify(tokens.id_token ?? '', createLocalJWKSet(keys as { keys: [] }));
  } finally {
    await world.close();
  }
});
