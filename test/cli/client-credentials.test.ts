/** The options by which a client proves who it is, and what comes of them. */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestRooms, type TestRooms } from './rooms.ts';

let t: TestRooms;
beforeAll(async () => {
  t = await openTestRooms();
});
afterAll(() => t?.close());

const create = (...words: string[]) =>
  t.cli(['client', 'create', '--name', 'Billing', '--type', 'service', ...words]);

test('keys at an address', async () => {
  const address = 'https://billing.example.com/keys';
  const { exit, json } = await create('--auth-method', 'private_key_jwt', '--jwks-uri', address);
  expect(exit).toBe(0);
  expect(json).toMatchObject({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: address });
  expect(json.client_secret).toBeUndefined();
  // Keys of its own instead: the address goes, since both together are a contradiction.
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  const update = ['client', 'update', json.client_id, '--jwks-file', 'FILE'];
  const files = { files: { 'jwks-file': JSON.stringify({ keys: [jwk] }) } };
  expect((await t.cli(update, files)).exit).toBe(1);
  expect((await t.cli([...update, '--jwks-uri', ''], files)).json).toMatchObject({ jwks: { keys: [jwk] } });
});

test('a certificate: its subject by wire names, and a word about what is not configured', async () => {
  const { exit, json } = await create(
    '--auth-method',
    'tls_client_auth',
    '--tls-subject-dn',
    'CN=billing,O=Example',
    '--certificate-bound',
  );
  expect(exit).toBe(0);
  expect(json).toMatchObject({
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_subject_dn: 'CN=billing,O=Example',
    tls_client_certificate_bound_access_tokens: true,
  });
  const words = ['client', 'update', json.client_id, '--tls-subject-dn', '', '--tls-san-dns', 'a.example'];
  const changed = await t.text(words);
  expect(changed.stdout + changed.stderr).toContain('set CARDEA_MTLS_PORT or CARDEA_MTLS_HEADER');
  const shown = (await t.cli(['client', 'show', json.client_id])).json;
  expect(shown.tls_client_auth_san_dns).toBe('a.example');
  expect(shown.tls_client_auth_subject_dn).toBeUndefined();
});

test('the tokens of a platform', async () => {
  const issuer = 'https://token.actions.githubusercontent.com';
  const subjects = ['repo:acme/app:environment:prod', 'repo:acme/tools:*'];
  const { exit, json } = await create(
    '--auth-method',
    'federated_jwt',
    '--federated-issuer',
    issuer,
    ...subjects.flatMap((subject) => ['--federated-subject', subject]),
    '--federated-audience',
    'cardea',
  );
  expect(exit).toBe(0);
  expect(json.federated).toEqual(subjects.map((subject) => ({ issuer, subject, audience: 'cardea' })));
  expect(json.client_secret).toBeUndefined();
  const without = await create('--auth-method', 'federated_jwt', '--federated-subject', 'repo:acme/app:*');
  expect(without).toMatchObject({ exit: 1, json: { error: 'invalid' } });
  const back = ['client', 'update', json.client_id, '--auth-method', '', '--federated-issuer', ''];
  const changed = await t.cli(back);
  expect(changed.json.federated).toBeUndefined();
  expect(changed.json.client_secret).toBeTypeOf('string');
});
