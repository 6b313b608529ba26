/** OpenID Connect Core sections 5.4 and 5.5: what is told of a person, by scope and by the claims parameter. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SeededClient, seedWebClient } from '../harness/seed.ts';
import { authorizeQuery, openWorld, payloadOf, type World } from './world.ts';

let world: World;
let client: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  client = await seedWebClient(world.rooms, { firstParty: true });
  const changed = await world.rooms.accounts.update(
    world.person.id,
    { profile: { name: 'Ada Lovelace', given_name: 'Ada', locale: 'en', phone_number: '+441234567890' } },
    { actor: { kind: 'operator' } },
  );
  expect(changed.kind).toBe('changed');
  await world.rooms.lease.renew();
});
afterAll(() => world?.close());

const told = async (scope: string, more: Record<string, string> = {}) => {
  const tokens = await world.signIn(client, scope, more);
  const info = JSON.parse((await world.userinfo(tokens.access_token)).text) as Record<string, unknown>;
  return { info, idToken: payloadOf(tokens.id_token) };
};

test('openid alone tells who, and nothing of them', async () => {
  const { info, idToken } = await told('openid');
  expect(info).toEqual({ sub: world.person.id });
  expect(Object.keys(idToken).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'sub']);
});

test('each scope tells its claims', async () => {
  const { info } = await told('openid profile email phone');
  expect(info).toMatchObject({
    sub: world.person.id,
    name: 'Ada Lovelace',
    given_name: 'Ada',
    email: world.person.email,
    email_verified: true,
    phone_number: '+441234567890',
    updated_at: expect.any(Number),
  });
  expect(info.phone_number_verified ?? false).toBe(false);
  expect(Object.keys((await told('openid email')).info).sort()).toEqual(['email', 'email_verified', 'sub']);
});

test('the claims parameter asks for single ones, in ID token and userinfo each', async () => {
  const claims = JSON.stringify({
    userinfo: { given_name: { essential: true }, nickname: null },
    id_token: { email: null, auth_time: { essential: true }, acr: null },
  });
  const { info, idToken } = await told('openid', { claims });
  expect(info).toEqual({ sub: world.person.id, given_name: 'Ada' });
  expect(idToken).toMatchObject({ email: world.person.email, auth_time: expect.any(Number) });
  expect(idToken).not.toHaveProperty('given_name');
});

test('what is no claim of ours is ignored; what is no JSON is refused', async () => {
  const strange = JSON.stringify({ userinfo: { password: null, passwordVersion: null, __proto__x: null } });
  expect((await told('openid', { claims: strange })).info).toEqual({ sub: world.person.id });
  for (const claims of ['{', '[]', '"x"', 'null', '{"userinfo":1}', '{"id_token":[]}']) {
    const { headers } = await world.ask(authorizeQuery(client, { claims }));
    expect(String(headers.location), claims).toContain('error=invalid_request');
  }
});

test('a sub value for another person is not answered with this one', async () => {
  const browser = world.browser(client);
  await browser.code('openid');
  const claims = JSON.stringify({ id_token: { sub: { value: 'somebody-else' } } });
  const { location } = await browser.agent.get(authorizeQuery(client, { claims, prompt: 'none' }));
  expect(new URL(String(location)).searchParams.get('error')).toBe('login_required');
});

test('R20 an essential acr that nobody here has ends in an error, not in an endless sign-in', async () => {
  const browser = world.browser(client);
  await browser.code('openid');
  for (const acr of [{ values: ['urn:example:gold'] }, { value: 'urn:example:gold' }]) {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, ...acr } } });
    const { location } = await browser.agent.get(authorizeQuery(client, { claims }));
    expect(String(location)).toContain('error=unmet_authentication_requirements');
  }
  // One that is only wished for is no hurdle, and never claimed without having been reached.
  const { idToken } = await told('openid', { acr_values: 'urn:example:gold' });
  expect(idToken.acr).toBe('urn:cardea:acr:1');
});

test('nonce and auth_time', async () => {
  const { idToken } = await told('openid', { nonce: 'n-0S6', max_age: '1000' });
  expect(idToken).toMatchObject({ nonce: 'n-0S6' });
  expect(Math.abs(Number(idToken.auth_time) - Date.now() / 1000)).toBeLessThan(30);
});
