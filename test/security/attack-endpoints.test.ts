/** The protocol's addresses when a store fails half-way, a clock is ahead, and a request is repeated. */
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StorageUnavailable } from '../../src/storage/unavailable.ts';
import { moveClock } from '../flows/clock.ts';
import { authorizeQuery, openWorld, type World } from '../flows/world.ts';
import { formsOf, formTo } from '../harness/agent.ts';
import { type SeededClient, seedApi, seedClient, seedWebClient } from '../harness/seed.ts';

const clock = await moveClock();

describe('attacks on the endpoints', () => {
  let world: World;
  let app: SeededClient;

  beforeAll(async () => {
    world = await openWorld('plain');
    await seedApi(world.rooms);
    app = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(() => world?.close());

  /** While it runs, that function of a room fails as when its store is away. */
  async function without<Room, Name extends keyof Room, T>(room: Room, name: Name, run: () => Promise<T>) {
    const real = room[name];
    room[name] = (async () => {
      throw new StorageUnavailable('away');
    }) as Room[Name];
    try {
      return await run();
    } finally {
      room[name] = real;
    }
  }

  test('I4 a revocation that was answered 503 is not answered 200 before it is done', async () => {
    const tokens = await world.signIn(app, 'openid offline_access');
    const first = await without(world.rooms.families, 'end', () => world.revoke(tokens.refresh_token, app));
    expect(first.status).toBe(503);
    expect((await world.revoke(tokens.refresh_token, app)).status).toBe(200);
    expect((await world.userinfo(tokens.access_token)).status).toBe(401);
  });

  test('I1 a theft that could not be recorded is still one at the next try', async () => {
    const tokens = await world.signIn(app, 'openid offline_access');
    const second = (await world.refresh(tokens.refresh_token, app)).json as { refresh_token: string };
    const third = (await world.refresh(second.refresh_token, app)).json as { access_token: string };
    const away = await without(world.rooms.families, 'end', () => world.refresh(tokens.refresh_token, app));
    expect(away.status).toBe(503);
    expect((await world.refresh(tokens.refresh_token, app)).status).toBe(400);
    expect((await world.userinfo(third.access_token)).status).toBe(401);
  });

  test('I4 a store that is away while an account or a consent is read is 503, and nothing else', async () => {
    const tokens = await world.signIn(app, 'openid offline_access');
    const browser = world.browser(app);
    await browser.code('openid');
    const away = await without(world.rooms.standings, 'get', async () => [
      await world.userinfo(tokens.access_token),
      await world.refresh(tokens.refresh_token, app),
      await world.introspect(tokens.access_token, app),
      await browser.agent.get(
        `/oauth2/authorize?${new URLSearchParams({
          client_id: app.clientId,
          response_type: 'code',
          redirect_uri: 'https://app.example.com/callback',
          scope: 'openid',
          prompt: 'none',
          code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
          code_challenge_method: 'S256',
        })}`,
      ),
    ]);
    expect(away.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    expect((await world.refresh(tokens.refresh_token, app)).status).toBe(200);
  });

  test('T18 a DPoP proof from a clock that is ahead is refused a second time for as long as it is fresh', async () => {
    const service = await seedClient(world.rooms, {
      name: 'Billing',
      type: 'service',
      resources: ['https://api.example.com'],
    });
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const proof = await new SignJWT({ htm: 'POST', htu: `${world.issuer}/oauth2/token`, jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .setIssuedAt(Math.floor(Date.now() / 1000) + 290)
      .sign(privateKey);
    const ask = () =>
      world.ask('/oauth2/token', {
        form: { grant_type: 'client_credentials', resource: 'https://api.example.com' },
        headers: { dpop: proof },
        client: service,
      });
    expect((await ask()).status).toBe(200);
    clock.move(400);
    const again = await ask();
    clock.reset();
    expect(again.status).toBe(400);
  });

  test('S8 a logout that was never confirmed is not slipped under a refusal by form_post', async () => {
    const evil = await seedWebClient(world.rooms, { postLogoutRedirectUris: ['https://evil.example/bye'] });
    const consenting = await seedWebClient(world.rooms);
    const { agent, code } = world.browser(app);
    await code('openid');
    const query = { client_id: evil.clientId, post_logout_redirect_uri: 'https://evil.example/bye' };
    await agent.get(`/oauth2/logout?${new URLSearchParams(query)}`);
    const page = await agent.follow(
      await agent.get(authorizeQuery(consenting, { scope: 'openid email', response_mode: 'form_post' })),
    );
    const form = formTo(page, '/cancel');
    const answer = await agent.follow(await agent.post(form.action, { ...form.fields }));
    expect(formsOf(answer).map(({ action }) => action)).toEqual(['https://app.example.com/callback']);
    expect(formsOf(answer)[0]?.fields.error).toBe('access_denied');
  });

  test('S9 a silent request shares no family that outlives the sign-out', async () => {
    const browser = world.browser(app);
    await browser.code('openid offline_access');
    const code = await browser.code('openid', { prompt: 'none' });
    const tokens = (await world.redeem(code, app)).json as { access_token: string };
    expect((await world.userinfo(tokens.access_token)).status).toBe(200);
    const form = formTo(await browser.agent.get('/'), '/sign-out');
    await browser.agent.post(form.action, { ...form.fields });
    expect((await world.userinfo(tokens.access_token)).status).toBe(401);
  });
});
