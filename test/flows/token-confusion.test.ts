/** One token in another's place, mangled, or where tokens do not belong: RFC 9068 section 4, RFC 9700 section 4.3.2. */
import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SeededClient, seedApi, seedWebClient } from '../harness/seed.ts';
import { authorizeQuery, everySetup, openWorld, payloadOf, type Wire, type World } from './world.ts';

describe.each(everySetup)('tokens with %s: %s', (setup) => {
  let world: World;
  let client: SeededClient;
  let api: string;
  let opaque: Wire;
  let jwt: Wire;

  beforeAll(async () => {
    world = await openWorld(setup);
    api = await seedApi(world.rooms);
    client = await seedWebClient(world.rooms, { firstParty: true });
    opaque = await world.signIn(client, 'openid offline_access');
    jwt = await world.signIn(client, 'openid offline_access orders:read');
  });
  afterAll(() => world?.close());

  test('T17 only an access token for userinfo opens userinfo', async () => {
    expect((await world.userinfo(opaque.access_token)).status).toBe(200);
    for (const token of [opaque.id_token, jwt.access_token, jwt.id_token, opaque.refresh_token]) {
      const { status, headers } = await world.userinfo(token);
      expect(status).toBe(401);
      expect(headers['www-authenticate']).toContain('error="invalid_token"');
    }
  });

  test('T17 an access token is no id_token_hint', async () => {
    const browser = world.browser(client);
    await browser.code('openid');
    const query = authorizeQuery(client, { id_token_hint: jwt.access_token, prompt: 'none' });
    const { location } = await browser.agent.get(query);
    const answer = new URL(String(location)).searchParams;
    expect([answer.get('error'), answer.has('code')]).toEqual(['invalid_request', false]);
    const logout = await world.ask(`/oauth2/logout?id_token_hint=${jwt.access_token}`);
    expect(logout.status).toBe(400);
  });

  test('T17 an ID token or a stranger’s JWT is no access token to introspect', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const forged = await new SignJWT(payloadOf(jwt.access_token))
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
      .sign(privateKey);
    const [header, , signature] = jwt.access_token.split('.');
    const payload = { ...payloadOf(jwt.access_token), scope: 'orders:write' };
    const edited = `${header}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.${signature}`;
    const none = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${edited.split('.')[1]}.`;
    for (const token of [jwt.id_token, forged, edited, none, '..', 'a.b.c']) {
      const { status, json } = await world.introspect(token, client);
      expect([status, json]).toEqual([200, { active: false }]);
    }
    expect((await world.introspect(jwt.access_token, client)).json).toMatchObject({
      active: true,
      aud: api,
      sub: world.person.id,
    });
  });

  test('T17 tokens say what they are: typ at+jwt, one audience each', async () => {
    const header = JSON.parse(Buffer.from(jwt.access_token.split('.')[0] ?? '', 'base64url').toString());
    expect(header).toMatchObject({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) });
    expect(payloadOf(jwt.access_token)).toMatchObject({
      iss: world.issuer,
      aud: api,
      client_id: client.clientId,
      sub: world.person.id,
      scope: 'orders:read',
      jti: expect.any(String),
      exp: expect.any(Number),
      iat: expect.any(Number),
    });
    expect(payloadOf(jwt.id_token).aud).toBe(client.clientId);
  });

  test('T18 a mangled opaque token: 401 everywhere', async () => {
    const token = opaque.access_token;
    const swapped = [...token]
      .map((c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()))
      .join('');
    const mangled = [
      token.slice(0, -1),
      token.slice(1),
      `${token}a`,
      `${token}=`,
      swapped,
      `${token[0] === 'A' ? 'B' : 'A'}${token.slice(1)}`,
      encodeURIComponent(`${token}/`),
      `${token}%00`,
      `${token}*`,
      '*',
      'c:{x}:*',
      'x'.repeat(4_000),
    ];
    for (const bad of mangled) {
      expect((await world.userinfo(bad)).status, bad.slice(0, 70)).toBe(401);
      expect((await world.introspect(bad, client)).json).toEqual({ active: false });
    }
  });

  test('T19 a token in the query is not looked at (RFC 9700 section 4.3.2)', async () => {
    const query = await world.ask(`/oauth2/userinfo?access_token=${opaque.access_token}`);
    expect(query.status).toBe(400);
    expect(query.text).not.toContain(world.person.id);
    const both = await world.ask(`/oauth2/userinfo?access_token=${opaque.access_token}`, {
      headers: { authorization: `Bearer ${opaque.access_token}` },
    });
    expect(both.status).toBe(400);
  });

  test('no token, and another scheme: refused', async () => {
    const none = await world.ask('/oauth2/userinfo');
    expect([400, 401]).toContain(none.status);
    for (const authorization of [`Basic ${opaque.access_token}`, `DPoP ${opaque.access_token}`, 'Bearer']) {
      const { status } = await world.ask('/oauth2/userinfo', { headers: { authorization } });
      expect([400, 401]).toContain(status);
    }
  });
});
