/** P4, P5, P7, A8, A12, A17: hostile input at every door of the real server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorizeQuery, freshAgent, openWorld, type World } from '../flows/world.ts';
import { type Agent, type Form, formTo } from '../harness/agent.ts';
import { type SeededClient, seedWebClient } from '../harness/seed.ts';
import { askPort } from '../harness/two.ts';
import { sendRaw } from './raw-request.ts';

let world: World;
let web: SeededClient;
beforeAll(async () => {
  world = await openWorld('full');
  web = await seedWebClient(world.rooms);
});
afterAll(() => world?.close());

const signInForm = async (agent: Agent): Promise<Form> =>
  formTo(await agent.follow(await agent.get(authorizeQuery(web))), '/sign-in');
const hashes = () => world.rooms.passwords.computedCount();

const raw = (text: string) => sendRaw(world.server.settings.port, text);
const host = () => new URL(world.issuer).host;

describe('A12 passwords', () => {
  test('a megabyte is refused before anything is hashed', async () => {
    const agent = freshAgent(world);
    const form = await signInForm(agent);
    const before = hashes();
    const answer = await agent.post(form.action, {
      ...form.fields,
      email: 'a@example.com',
      password: 'x'.repeat(1 << 20),
    });
    expect(answer.status).toBe(413);
    expect(hashes()).toBe(before);
  });

  test('1,025 bytes look like any wrong password; 1,024 count to the last', async () => {
    const agent = freshAgent(world);
    const form = await signInForm(agent);
    const long = `${'p'.repeat(511)}${'é'.repeat(256)}`;
    const email = 'long-password@example.com';
    await world.rooms.accounts.create({ email, password: `${long}!` }, { actor: { kind: 'operator' } });
    const tried = async (password: string) =>
      (await agent.post(form.action, { ...form.fields, email, password })).status;
    expect([await tried(`${long}?`), await tried(`${long}!!`), await tried(long)]).toEqual([422, 422, 422]);
    expect(await tried(`${long}!`)).toBe(303);
  });
});

describe('P7, A8, A17 forms and tokens', () => {
  test.each([
    ['an array', 'email[]=a&password=x'],
    ['an object', 'email[$ne]=&password=x'],
    ['a field twice', 'email=a@example.com&email=b@example.com&password=x'],
    ['a NUL', 'email=a%00@example.com&password=x'],
    ['bad UTF-8', 'email=%ff%fe&password=x'],
    ['bad percent-encoding', 'email=%zz&password=x'],
    ['1,000 fields', Array.from({ length: 1000 }, (_, n) => `f${n}=1`).join('&')],
  ])('sign-in with %s: 400 and no hash', async (_, body) => {
    const agent = freshAgent(world);
    const form = await signInForm(agent);
    const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const before = hashes();
    const text = `csrf=${form.fields.csrf}&${body}`;
    const { status } = await raw(
      [
        `POST ${new URL(form.action).pathname} HTTP/1.1`,
        `Host: ${host()}`,
        `Cookie: ${cookie}`,
        'Content-Type: application/x-www-form-urlencoded',
        `Content-Length: ${text.length}`,
        'Connection: close',
        '',
        text,
      ].join('\r\n'),
    );
    expect(status).toBe(400);
    expect(hashes()).toBe(before);
  });

  test('A8 fields that nobody asked for change nothing', async () => {
    const agent = freshAgent(world);
    const form = await signInForm(agent);
    const extra = {
      role: 'administrator',
      roles: 'administrator',
      is_admin: 'true',
      id: 'x',
      email_verified: 'true',
      __proto__x: '1',
      constructor: 'x',
    };
    const { email, password, id } = world.person;
    expect((await agent.post(form.action, { ...form.fields, ...extra, email, password })).status).toBe(303);
    const account = await world.rooms.accounts.find(id);
    expect(account).toMatchObject({ id, email });
    expect(await world.rooms.standings.get(id).then((one) => one?.audiences)).toEqual([]);
  });

  test.each([
    ['__proto__', { grant_type: 'client_credentials', __proto__x: '1', 'constructor[prototype]': 'x' }],
    ['an array', { 'grant_type[]': 'client_credentials' }],
    ['an object', { 'code[$ne]': '', grant_type: 'authorization_code' }],
    [
      'quotes',
      {
        grant_type: 'authorization_code',
        code: "' or 1=1 --",
        code_verifier: "x'".repeat(30),
        redirect_uri: 'x',
      },
    ],
    ['a key delimiter', { grant_type: 'refresh_token', refresh_token: 'R:{tag}:*\u0000' }],
    ['a huge number', { grant_type: 'client_credentials', resource: '1e999' }],
  ])('token with %s: an OAuth error, never 500', async (_, form) => {
    const { status, json } = await world.token(form as Record<string, string>, web);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(json.error).toMatch(/^[a-z_]+$/);
  });

  test.each([
    'claims',
    'id_token_hint',
    'max_age',
    'prompt',
    'scope',
    'resource',
    'ui_locales',
    'acr_values',
  ])('R21, P7 %s of the wrong kind: a refusal, never 500', async (name) => {
    for (const value of [
      '[]',
      '{"__proto__":{"x":1}}',
      '1e999',
      '-1',
      '\u0000',
      "'; drop table accounts;--",
      'null',
      '\ud800',
    ]) {
      const answer = await freshAgent(world).get(authorizeQuery(web, { [name]: value }));
      expect(answer.status, `${name}=${value}`).toBeLessThan(500);
    }
  });
});

describe('P5 what is long or evil costs no time', () => {
  const evil = [
    'a'.repeat(15_000),
    `${'a@'.repeat(7_000)}`,
    `${'%'.repeat(12_000)}`,
    `${'('.repeat(9_000)}x`,
    ' '.repeat(9_000),
  ];

  test.each([
    'cookie',
    'accept',
    'accept-language',
    'user-agent',
    'x-forwarded-for',
    'authorization',
    'origin',
    'if-none-match',
    'content-type',
    'dpop',
  ])('the header %s', async (name) => {
    for (const value of evil) {
      const startedAt = performance.now();
      const answer = await askPort(world.server.settings.port, host(), '/', {
        headers: { [name]: value.trim() || 'x' },
      });
      expect(answer.status).toBeLessThan(500);
      expect(performance.now() - startedAt).toBeLessThan(250);
    }
  });

  test('the e-mail field and the token endpoint', async () => {
    const agent = freshAgent(world);
    const form = await signInForm(agent);
    for (const value of evil) {
      const email = value.slice(0, 12_000);
      const answer = await agent.post(form.action, { ...form.fields, email, password: 'x' });
      expect(answer.status).toBeLessThan(500);
      const asked = await world.token(
        { grant_type: 'client_credentials', scope: value, resource: value },
        web,
      );
      expect(asked.status).toBeLessThan(500);
    }
  });
});
