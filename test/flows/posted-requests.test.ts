/** OpenID Connect Core section 3.1.2.1, RP-Initiated Logout section 2: requests by POST, from any site. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { redirectUri, type SeededClient, seedWebClient } from '../harness/seed.ts';
import { authorizeQuery, openWorld, type World } from './world.ts';

let world: World;
let client: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  client = await seedWebClient(world.rooms, { firstParty: true });
});
afterAll(() => world?.close());

const fieldsOf = (query: string) => Object.fromEntries(new URLSearchParams(query.split('?')[1]));

test('an authorization request by POST goes on like one by GET, session included', async () => {
  const { agent, code } = world.browser(client);
  await code('openid');
  const fields = fieldsOf(authorizeQuery(client, { state: 'a b&c' }));
  const sent = await agent.post('/oauth2/authorize', fields, { origin: 'https://app.example.com' });
  expect([sent.status, new URL(String(sent.location)).origin]).toEqual([303, world.issuer]);
  const answer = new URL(String((await agent.follow(sent)).location));
  expect(answer.origin + answer.pathname).toBe(redirectUri);
  expect(answer.searchParams.get('code')).toBeTruthy();
  expect(answer.searchParams.get('state')).toBe('a b&c');
});

test('a logout by POST asks as one by GET does', async () => {
  const { agent, code } = world.browser(client);
  const { json } = await world.redeem(await code('openid'), client);
  const sent = await agent.post('/oauth2/logout', { id_token_hint: json.id_token });
  const page = await agent.follow(sent);
  expect([page.status, page.text.includes('/logout/confirm"')]).toEqual([200, true]);
});

test('R7, R21 a parameter twice, another kind of body or a giant one: refused, no redirect', async () => {
  const type = 'application/x-www-form-urlencoded';
  const body = authorizeQuery(client).split('?')[1] ?? '';
  const tries: [string, string][] = [
    [type, `${body}&redirect_uri=https%3A%2F%2Fevil.com%2F`],
    [type, `${body}&client_id=x`],
    ['application/json', JSON.stringify(fieldsOf(`?${body}`))],
    [type, `${body}&pad=${'x'.repeat(100_000)}`],
    [type, `${body}&bad=%zz`],
  ];
  for (const [contentType, sent] of tries) {
    const answer = await fetch(`${world.issuer}/oauth2/authorize`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': contentType },
      body: sent,
    });
    expect(Math.floor(answer.status / 100)).toBe(4);
    expect(answer.headers.get('location')).toBeNull();
  }
});

test('line breaks in a form stay text in the address', async () => {
  const body = 'client_id=x%0d%0aSet-Cookie:%20a=b&state=%0a';
  const answer = await fetch(`${world.issuer}/oauth2/authorize`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
    redirect: 'manual',
  });
  expect(answer.headers.get('location')).toBe(
    `${world.issuer}/oauth2/authorize?client_id=x%0D%0ASet-Cookie%3A+a%3Db&state=%0A`,
  );
  expect(answer.headers.get('set-cookie')).toBeNull();
});
