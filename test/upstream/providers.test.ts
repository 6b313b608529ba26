/** Providers by the command line: what is filled in, what is refused, and where the secret is. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestRooms, type TestRooms } from '../cli/rooms.ts';

let at: TestRooms;
beforeAll(async () => {
  at = await openTestRooms();
});
afterAll(() => at.close());

const secret = 'upstream-secret-0123456789';
const create = (words: readonly string[], password: string | undefined = secret) =>
  at.cli(['provider', 'create', ...words], password === undefined ? {} : { password });
const google = ['--id', 'google', '--preset', 'google', '--client-id', 'g.apps.example'];

test('a preset fills in what is known; the redirect URI is one for each provider; no answer shows the secret', async () => {
  const made = await create(google);
  expect(made.json).toMatchObject({
    id: 'google',
    name: 'Google',
    issuer: 'https://accounts.google.com',
    redirect_uri: 'http://localhost:3999/upstream/callback/google',
    scope: 'openid email profile',
    trust_email_verified: true,
  });
  const { json } = await create([
    '--id',
    'github',
    '--preset',
    'github',
    '--client-id',
    'gh',
    '--name',
    'Hub',
  ]);
  expect(json).toMatchObject({
    name: 'Hub',
    kind: 'oauth2',
    token_endpoint_auth_method: 'client_secret_post',
  });
  for (const words of [['list'], ['show', 'google'], ['update', 'google', '--name', 'G']]) {
    const said = await at.cli(['provider', ...words]);
    expect(said.exit).toBe(0);
    expect(said.stdout + said.stderr).not.toContain(secret);
  }
  const [row] = await at.rooms.database.db.selectFrom('upstream_providers').selectAll().execute();
  expect(row?.sealed_secret).toMatch(/^s1\./);
  expect(JSON.stringify(row)).not.toContain(secret);
});

test('the directory gives enabled ones with their secret, at once in the process that changed them', async () => {
  const { providerDirectory } = at.rooms;
  const found = await providerDirectory.find('google');
  expect(found && providerDirectory.secretOf(found)).toBe(secret);
  await at.cli(['provider', 'update', 'google', '--client-id', 'other']);
  const updated = await providerDirectory.find('google');
  expect([updated?.clientId, updated && providerDirectory.secretOf(updated)]).toEqual(['other', secret]);
  await at.cli(['provider', 'disable', 'google']);
  expect(await providerDirectory.find('google')).toBeUndefined();
  await at.cli(['provider', 'enable', 'google']);
  expect((await providerDirectory.all()).map(({ providerId }) => providerId)).toEqual(['google', 'github']);
});

const oauth2 = ['--id', 'x', '--client-id', 'x', '--kind', 'oauth2', '--issuer', 'https://x.example'];
test.each([
  [
    'a reserved id',
    ['--id', 'password', '--client-id', 'x', '--issuer', 'https://x.example'],
    '--id is the name',
  ],
  [
    'an id with capitals',
    ['--id', 'Corp', '--client-id', 'x', '--issuer', 'https://x.example'],
    '--id must be',
  ],
  [
    'plain http',
    ['--id', 'x', '--client-id', 'x', '--issuer', 'http://x.example'],
    '--issuer must be an https',
  ],
  [
    'an issuer with a query',
    ['--id', 'x', '--client-id', 'x', '--issuer', 'https://x.example/?a=b'],
    '--issuer must',
  ],
  ['no issuer', ['--id', 'x', '--client-id', 'x'], '--issuer is missing'],
  ['no client id', ['--id', 'x', '--issuer', 'https://x.example'], '--client-id is missing'],
  [
    'no openid',
    ['--id', 'x', '--client-id', 'x', '--issuer', 'https://x.example', '--scope', 'email'],
    '--scope',
  ],
  ['a domain with an @', [...google, '--domain', '@example.com'], '--domain must be a domain'],
  ['a tenant that is no id', [...google, '--tenant', 'contoso.com'], '--tenant must be the id'],
  [
    'a tenant of OAuth 2',
    [...oauth2, '--tenant', '11111111-2222-3333-4444-555555555555'],
    '--tenant needs an ID token',
  ],
  ['a claim that is not theirs', [...google, '--map', 'roles=groups'], '--map may fill only name'],
  ['sub of an ID token', [...google, '--map', 'sub=id'], '--map sub is'],
  ['a path that is none', [...google, '--map', 'name=a..b'], '--map must be a path'],
  ['a level that is none', [...google, '--trust-acr', 'high=urn:cardea:acr:9'], '--trust-acr must be urn'],
  ['OAuth 2 without addresses', [...oauth2, '--map', 'sub=id'], '--endpoints are missing'],
  ['OAuth 2 without a subject', [...oauth2, '--authorization-endpoint', 'https://x.example/a'], 'is missing'],
])('refused: %s', async (_, words, said) => {
  const refused = await create(words);
  expect([refused.exit, refused.json.error]).toEqual([1, 'invalid']);
  expect(refused.json.message).toContain(said);
});

test('a secret that is missing, and one that nobody uses', async () => {
  const without = await at.cli(['provider', 'create', '--id', 'p', '--client-id', 'x', '--preset', 'google']);
  expect(without.json.message).toContain('--client-secret-stdin is missing');
  const both = await create([...google.with(1, 'p'), '--auth-method', 'none']);
  expect(both.json.message).toContain('is none, and there is a secret');
  const half = await at.cli(['provider', 'update', 'google', '--map', 'name']);
  expect(half.exit).toBe(2);
});

test('taken, absent, deleted; every change is in the audit', async () => {
  expect((await create(google)).json.error).toBe('exists');
  expect((await at.cli(['provider', 'delete', 'github'])).json).toEqual({
    deleted: true,
    id: 'github',
    identities: 0,
  });
  for (const word of ['show', 'update', 'enable', 'disable', 'delete']) {
    expect((await at.cli(['provider', word, 'github'])).json.error).toBe('not_found');
  }
  const types = (await at.rooms.audit.search({ limit: 50 })).events.map(({ type }) => type);
  for (const type of ['created', 'updated', 'enabled', 'disabled', 'deleted']) {
    expect(types).toContain(`provider.${type}`);
  }
});
