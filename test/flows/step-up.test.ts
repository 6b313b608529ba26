/** R20: what tokens say of a sign-in is what was proved, never what was asked for (RFC 9470, RFC 9068 section 2.2.1). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chooseLocale } from '../../src/web/locales.ts';
import {
  redirectUri,
  type SeededClient,
  seedApi,
  seedClient,
  seedWebClient,
  signIn,
} from '../harness/seed.ts';
import { authorizeQuery, freshAgent, openWorld, payloadOf, type World } from './world.ts';

const one = 'urn:cardea:acr:1';
const two = 'urn:cardea:acr:2';
const three = 'urn:cardea:acr:3';
let world: World;
let client: SeededClient;
let api: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  api = await seedClient(world.rooms, { name: 'API', type: 'service' });
  const more = { introspectionClientId: api.clientId };
  await seedApi(world.rooms, 'https://api.example.com', more);
  await seedApi(world.rooms, 'https://opaque.example.com', {
    ...more,
    tokenFormat: 'opaque',
    scopes: ['stock:read'],
  });
  client = await seedWebClient(world.rooms, { firstParty: true });
});
afterAll(() => world?.close());

const claims = (acr: object | null) => JSON.stringify({ id_token: { acr, amr: null } });
const answerOf = (location: unknown) => new URL(String(location)).searchParams;

describe('R20 acr and amr tell the truth', () => {
  test('after one factor the ID token says one, whatever was wished for', async () => {
    for (const more of [{ acr_values: two }, { acr_values: `${two} ${one}` }, { claims: claims(null) }]) {
      const { id_token: idToken } = await world.signIn(client, 'openid', more);
      expect(payloadOf(idToken)).toMatchObject({ acr: one });
    }
    const { id_token: idToken } = await world.signIn(client, 'openid', {
      claims: claims({ essential: true, value: one }),
    });
    expect(payloadOf(idToken)).toMatchObject({ acr: one, amr: ['pwd'] });
  });

  test('an essential level that nobody reaches is refused, before and after the sign-in, and with acr_values beside it', async () => {
    const wanted = { claims: claims({ essential: true, values: ['urn:elsewhere'] }) };
    const signedIn = world.browser(client);
    await signedIn.code('openid');
    for (const agent of [freshAgent(world), signedIn.agent]) {
      for (const more of [wanted, { ...wanted, acr_values: one }]) {
        const { location } = await agent.get(authorizeQuery(client, more));
        expect(answerOf(location).get('error')).toBe('unmet_authentication_requirements');
        expect(answerOf(location).get('iss')).toBe(world.issuer);
      }
    }
  });

  test('an essential level that this account has no factor for is refused once it is known who it is', async () => {
    const wanted = { claims: claims({ essential: true, value: three }) };
    const browser = world.browser(client);
    const page = await browser.agent.follow(await browser.agent.get(authorizeQuery(client, wanted)));
    const back = await signIn(browser.agent, page, world.person);
    expect(answerOf(back.location).get('error')).toBe('unmet_authentication_requirements');
    const { location } = await browser.agent.get(authorizeQuery(client, { ...wanted, acr_values: one }));
    expect(answerOf(location).get('error')).toBe('unmet_authentication_requirements');
  });

  test('an essential level that can be reached is asked for once, and reached', async () => {
    const agent = freshAgent(world);
    const page = await agent.follow(
      await agent.get(authorizeQuery(client, { claims: claims({ essential: true, values: [two, one] }) })),
    );
    const back = await signIn(agent, page, world.person);
    expect(answerOf(back.location).get('code')).toBeTruthy();
  });
});

describe('max_age (OpenID Connect Core section 3.1.2.1)', () => {
  test('a sign-in that is old enough is asked again; a silent request says so', async () => {
    const browser = world.browser(client);
    await browser.code('openid');
    const silent = await browser.agent.get(authorizeQuery(client, { prompt: 'none', max_age: '0' }));
    expect(answerOf(silent.location).get('error')).toBe('login_required');
    const page = await browser.agent.follow(
      await browser.agent.get(authorizeQuery(client, { max_age: '0' })),
    );
    expect(page.text).toContain('/sign-in"');
    const fresh = await browser.agent.get(authorizeQuery(client, { prompt: 'none', max_age: '1000' }));
    expect(answerOf(fresh.location).get('code')).toBeTruthy();
  });
});

describe('APIs see how the person signed in (RFC 9470 section 6)', () => {
  test('acr and auth_time in a JWT, in its introspection, after a refresh too', async () => {
    const first = await world.signIn(client, 'openid offline_access orders:read');
    const jwt = payloadOf(first.access_token);
    expect(jwt).toMatchObject({ aud: 'https://api.example.com', acr: one, auth_time: expect.any(Number) });
    expect(Math.abs(Number(jwt.auth_time) - Date.now() / 1000)).toBeLessThan(60);
    const { json } = await world.refresh(first.refresh_token, client);
    expect(payloadOf(json.access_token)).toMatchObject({ acr: one, auth_time: jwt.auth_time });
    const seen = JSON.parse((await world.introspect(json.access_token, api)).text) as object;
    expect(seen).toMatchObject({ active: true, acr: one, auth_time: jwt.auth_time });
  });

  test('an opaque token tells the same at introspection', async () => {
    const { access_token: token } = await world.signIn(client, 'openid stock:read');
    const seen = JSON.parse((await world.introspect(token, api)).text) as object;
    expect(seen).toMatchObject({ active: true, acr: one, auth_time: expect.any(Number) });
  });

  test('a service signs in as nobody', async () => {
    const service = await seedClient(world.rooms, {
      name: 'S',
      type: 'service',
      resources: ['https://api.example.com'],
    });
    const { json } = await world.token({ grant_type: 'client_credentials' }, service);
    expect(payloadOf(json.access_token)).not.toHaveProperty('acr');
    expect(payloadOf(json.access_token)).not.toHaveProperty('auth_time');
  });
});

describe('discovery and languages', () => {
  test('only what is there is announced', async () => {
    const { text } = await world.ask('/.well-known/openid-configuration');
    expect(JSON.parse(text)).toMatchObject({
      acr_values_supported: [one, two, three],
      ui_locales_supported: expect.arrayContaining(['en']),
    });
  });

  test('an unknown language gets English; a hostile one nothing else', async () => {
    for (const asked of ['pt-BR pt en', '../../etc/passwd', '<script>', 'x'.repeat(2_000)]) {
      const agent = freshAgent(world);
      const page = await agent.follow(
        await agent.get(authorizeQuery(client, { ui_locales: asked, redirect_uri: redirectUri })),
      );
      expect(page.text).toContain('<html lang="en" dir="ltr">');
      expect(page.text).not.toContain('<script>');
    }
  });

  test.each([
    ['fr-CA fr en', 'fr'],
    ['fr-CA', 'fr'],
    ['zh-hant-tw de', 'zh-Hant'],
    ['DE', 'de'],
    ['es', undefined],
    ['../de de', 'de'],
    [`${'es '.repeat(10)}de`, undefined],
    [`${'x'.repeat(600)} de`, undefined],
    ['__proto__ constructor', undefined],
    [['de'], undefined],
    [undefined, undefined],
  ])('%o is answered in %s', (asked, locale) => {
    expect(chooseLocale(asked, ['en', 'de', 'fr', 'zh-Hant'])).toBe(locale);
  });
});
