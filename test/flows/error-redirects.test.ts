/** R10 RFC 9700 section 4.11.2: an error is no open redirector, least of all for whoever registered a client by himself. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formTo } from '../harness/agent.ts';
import { authorize, seedWebClient, signIn } from '../harness/seed.ts';
import { askPort } from '../harness/two.ts';
import { authorizeQuery, freshAgent, openWorld, type World } from './world.ts';

const evil = 'https://evil.example.com/landing';
let world: World;

beforeAll(async () => {
  world = await openWorld('full', { CARDEA_REGISTRATION: 'open' });
});
afterAll(() => world?.close());

async function registered(): Promise<{ clientId: string }> {
  const body = { client_name: 'Bank', redirect_uris: [evil], token_endpoint_auth_method: 'none' };
  const { port } = world.server.settings;
  const { text } = await askPort(port, new URL(world.issuer).host, '/oauth2/register', {
    method: 'POST',
    text: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { clientId: JSON.parse(text).client_id };
}

const faulty: readonly (readonly [string, Record<string, string>, string])[] = [
  ['prompt=none', { prompt: 'none' }, 'login_required'],
  ['an API of nobody', { scope: 'openid nothing:known' }, 'invalid_target'],
  ['no PKCE', { code_challenge: '', code_challenge_method: '' }, 'invalid_request'],
  ['fragment', { prompt: 'none', response_mode: 'fragment' }, 'login_required'],
  ['jwt', { prompt: 'none', response_mode: 'jwt' }, 'login_required'],
];

test.each(faulty)(
  'R10 %s at a client that registered itself: a page, and a link only',
  async (_, change, code) => {
    const client = await registered();
    const page = await freshAgent(world).get(authorizeQuery(client, { redirect_uri: evil, ...change }));
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(page.text).toContain(code);
    expect(page.text).toMatch(/<a class="second" href="https:\/\/evil\.example\.com\/landing[?#]/);
    expect(page.text).toContain('Continue to evil.example.com');
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.text).not.toMatch(/http-equiv="?refresh/i);
  },
);

test('R10 by form_post there is no form that sends itself', async () => {
  const client = await registered();
  const query = authorizeQuery(client, { redirect_uri: evil, prompt: 'none', response_mode: 'form_post' });
  const page = await freshAgent(world).get(query);
  expect(page.status).toBe(400);
  expect(page.text).not.toContain('<form');
});

test('R10 a client that an operator registered gets its error at its own address, with iss', async () => {
  const client = await seedWebClient(world.rooms);
  const { location } = await freshAgent(world).get(authorizeQuery(client, { prompt: 'none' }));
  const url = new URL(String(location));
  expect(url.origin + url.pathname).toBe('https://app.example.com/callback');
  expect(url.searchParams.get('error')).toBe('login_required');
  expect(url.searchParams.get('iss')).toBe(world.issuer);
});

test('R10 whoever turned it down, or allowed it before, is sent on at once', async () => {
  const client = await registered();
  const agent = freshAgent(world);
  const query = authorizeQuery(client, { redirect_uri: evil });
  const consent = await signIn(agent, await agent.follow(await agent.get(query)), world.person);
  const cancel = formTo(consent, '/cancel');
  const refused = await agent.follow(await agent.post(cancel.action, { ...cancel.fields }));
  expect(String(refused.location)).toContain(`${evil}?error=access_denied`);

  await authorize(agent, query, world.person);
  const silent = await agent.get(
    authorizeQuery(client, { redirect_uri: evil, prompt: 'none', scope: 'openid email' }),
  );
  expect(String(silent.location)).toContain(`${evil}?error=consent_required`);
});
