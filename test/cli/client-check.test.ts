import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestRooms, type TestRooms } from './rooms.ts';

let t: TestRooms;
beforeAll(async () => {
  t = await openTestRooms();
});
afterAll(() => t?.close());

const create = (id: string, more: readonly string[] = [], files: Record<string, string> = {}) =>
  t.cli(
    [
      'client',
      'create',
      '--id',
      id,
      '--name',
      id,
      '--type',
      'web',
      '--redirect-uri',
      'https://rp.example.com/',
      ...more,
    ],
    { files },
  );
const jwks = JSON.stringify({
  keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })],
});

test('a client meets the profile that it was registered with', async () => {
  expect((await create('high', ['--profile', 'high'])).json).toMatchObject({
    profile: 'high',
    require_pushed_authorization_requests: true,
    dpop_bound_access_tokens: true,
  });
  const { json } = await t.cli(['client', 'check', 'high']);
  expect(json).toMatchObject({ client_id: 'high', profile: 'high', checked_profile: 'high', meets: true });
  expect(json.points.map((point: { id: string }) => point.id)).toEqual([
    ...['pkce', 'https-redirects', 'par', 'sender-constrained'],
  ]);
  expect((await t.text(['client', 'check', 'high'])).stdout).toContain('All 4 points are met.');
});

test('what is missing for another profile is named, and the command that is printed mends it', async () => {
  await create('plain');
  const { json } = await t.cli(['client', 'check', 'plain', '--profile', 'fapi2']);
  expect(json).toMatchObject({ profile: 'baseline', checked_profile: 'fapi2', meets: false });
  const missing = json.points.filter((point: { met: boolean }) => !point.met);
  expect(missing.map((point: { id: string }) => point.id)).toEqual([
    ...['par', 'sender-constrained', 'client-authentication', 'our-signatures'],
  ]);
  for (const { mend } of missing) expect(mend).toMatch(/^npx cardea client update plain --/);

  const { stderr, stdout } = await t.text(['client', 'check', 'plain', '--profile', 'fapi2']);
  expect(stdout).toMatch(/NO +authorization requests come by PAR +FAPI 2\.0 section 5\.3\.2\.2/);
  const command = /npx cardea (client update .*)/.exec(stderr)?.[1] ?? '';
  const words = command.split(' ').map((word) => (word === '""' ? '' : word));
  const mended = await t.cli(words, { files: { 'jwks-file': jwks } });
  expect(mended.json, mended.stderr).toMatchObject({ profile: 'fapi2', dpop_bound_access_tokens: true });
  expect((await t.cli(['client', 'check', 'plain'])).json.meets).toBe(true);
});

test('an API that signs with RS256 is named with its own command', async () => {
  await t.cli([
    ...['resource', 'create', '--audience', 'https://old.example.com', '--name', 'Old'],
    ...['--scope', 'old:read', '--signing-alg', 'RS256'],
  ]);
  const { json } = await t.cli(['client', 'check', 'plain']);
  expect(json.meets).toBe(false);
  const [api] = json.points.filter((point: { met: boolean }) => !point.met);
  expect(api.mend).toBe('npx cardea resource update https://old.example.com --signing-alg ES256');
  await t.cli(api.mend.split(' ').slice(2));
  expect((await t.cli(['client', 'check', 'plain'])).json.meets).toBe(true);
});

test('a contradiction is refused, with the options that mend it', async () => {
  const made = await create('torn', ['--profile', 'high', '--no-require-par']);
  expect(made.exit).toBe(1);
  expect(made.json.message).toMatch(/--require-par contradicts .*RFC 9126 section 6.*--require-par mends it/);
  const changed = await t.cli(['client', 'update', 'high', '--no-dpop-bound']);
  expect(changed.json.message).toMatch(/--dpop-bound contradicts the profile/);
});

test('an unknown client or profile', async () => {
  expect((await t.cli(['client', 'check', 'nobody'])).json.error).toBe('not_found');
  expect((await t.cli(['client', 'check', 'high', '--profile', 'low'])).json.error).toBe('invalid');
});
