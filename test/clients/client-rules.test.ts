import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ClientInput, inputOf, judgeClient } from '../../src/clients/client-rules.ts';
import { matchSecret, newSecret, SECRET_PREFIX } from '../../src/clients/secrets.ts';

const base = { clientId: 'app', name: 'App', redirectUris: ['https://rp.example.com/cb'] };

function judge(input: unknown) {
  const judged = judgeClient(input as ClientInput, () => 'made');
  return 'client' in judged
    ? { client: judged.client, faults: '' }
    : { client: undefined, faults: judged.faults.map((f) => `${f.field}: ${f.fault}`).join('; ') };
}

describe('what a client of each type is by default', () => {
  it.each([
    ['web', ['authorization_code', 'refresh_token'], ['code'], 'client_secret_basic'],
    ['spa', ['authorization_code', 'refresh_token'], ['code'], 'none'],
    ['native', ['authorization_code', 'refresh_token'], ['code'], 'none'],
  ])('%s', (type, grantTypes, responseTypes, authMethod) => {
    const { client } = judge({ ...base, type });
    expect(client).toMatchObject({
      grantTypes,
      responseTypes,
      authMethod,
      pkceRequired: true,
      firstParty: false,
    });
    expect(client).toMatchObject({ idTokenAlg: 'RS256', scopes: [], resources: [] });
  });

  it('service and device are never redirected to', () => {
    const service = judge({ name: 'S', type: 'service' }).client;
    expect(service).toMatchObject({
      clientId: 'made',
      grantTypes: ['client_credentials'],
      responseTypes: [],
    });
    expect(service).toMatchObject({ authMethod: 'client_secret_basic', redirectUris: [] });
    const device = judge({ name: 'D', type: 'device' }).client;
    const grants = ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'];
    expect(device).toMatchObject({ grantTypes: grants, authMethod: 'none', responseTypes: [] });
    expect(judge({ ...base, type: 'service' }).faults).toMatch(/never redirected/);
  });

  it('a service that may ask for one API means that one', () => {
    const resources = ['https://api.example.com'];
    expect(judge({ name: 'S', type: 'service', resources }).client?.defaultResource).toBe(resources[0]);
    expect(judge({ ...base, type: 'web', resources }).client?.defaultResource).toBeUndefined();
    expect(judge({ ...base, type: 'web', defaultResource: resources[0] }).client?.resources).toEqual(
      resources,
    );
  });
});

describe('what a client cannot be', () => {
  it.each([
    ['R13 a public client without PKCE', { type: 'spa', legacyWithoutPkce: true }, /legacyWithoutPkce/],
    ['T10 a single-page app with a secret', { type: 'spa', authMethod: 'client_secret_basic' }, /authMethod/],
    ['T10 a web app without authentication', { type: 'web', authMethod: 'none' }, /authMethod/],
    ['a service with a redirect', { type: 'service' }, /redirectUris/],
    [
      'a single-page app with client credentials',
      { type: 'spa', grantTypes: ['client_credentials'] },
      /grantTypes/,
    ],
    ['the implicit flow', { type: 'spa', responseTypes: ['token'] }, /responseTypes/],
    ['the password grant', { type: 'web', grantTypes: ['password'] }, /grantTypes/],
    [
      'a code without the grant',
      { type: 'web', grantTypes: ['client_credentials'], responseTypes: ['code'] },
      /code exactly/,
    ],
    [
      'a refresh token out of nothing',
      { type: 'web', grantTypes: ['refresh_token'] },
      /refresh token comes from/,
    ],
    ['no redirect URI', { type: 'web', redirectUris: [] }, /at least one/],
    ['R5 javascript', { type: 'web', redirectUris: ['javascript:alert(1)'] }, /never accepted/],
    [
      'R5 javascript after logout',
      { type: 'web', postLogoutRedirectUris: ['javascript:alert(1)'] },
      /never accepted/,
    ],
    [
      'the same URI twice',
      { type: 'web', redirectUris: ['https://a.example/', 'https://a.example/'] },
      /twice/,
    ],
    ['D2 an unknown member', { type: 'web', skip_consent: true }, /skip_consent: is not a member/],
    ['D2 trusted', { type: 'web', trusted: true }, /trusted: is not/],
    ['D2 __proto__', JSON.parse('{"type":"web","__proto__":{"firstParty":true}}'), /__proto__: is not/],
    ['D2 constructor', { type: 'web', constructor: {} }, /constructor: is not/],
    ['D2 status', { type: 'web', status: 'active' }, /status: is not/],
    ['a flag that is text', { type: 'web', firstParty: 'true' }, /true or false/],
    ['D6 a logo that is a script', { type: 'web', logoUri: 'javascript:x' }, /logoUri/],
    ['D6 a logo as data', { type: 'web', logoUri: 'data:image/svg+xml,<svg/>' }, /logoUri/],
    ['D7 a turned name', { type: 'web', name: 'App\u202egnp.exe' }, /direction/],
    ['D7 an invisible name', { type: 'web', name: '\u3164' }, /invisible/],
    ['D7 a huge name', { type: 'web', name: 'a'.repeat(10_000) }, /longer than 100/],
    ['D7 a line end', { type: 'web', name: 'App\nEvil' }, /control/],
    ['an id with a space', { type: 'web', clientId: 'a b' }, /clientId/],
    ['an id too long', { type: 'web', clientId: 'a'.repeat(129) }, /clientId/],
    ['an unknown type', { type: 'admin' }, /type: must be one of/],
    ['an API that is no URI', { type: 'web', resources: ['orders'] }, /RFC 8707/],
    [
      'a default API outside the list',
      { type: 'web', resources: [], defaultResource: 'https://a.example' },
      /one of resources/,
    ],
    ['a scope with a quote', { type: 'web', scopes: ['a"b'] }, /scope/],
    ['a replay window of an hour', { type: 'web', refreshReplayWindowSeconds: 3600 }, /0 to 300/],
    [
      'D11 a symmetric key',
      { type: 'web', authMethod: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } },
      /secret key/,
    ],
    ['keys missing', { type: 'web', authMethod: 'private_key_jwt' }, /jwks: is required/],
    [
      'keys at two places',
      { type: 'web', authMethod: 'private_key_jwt', jwksUri: 'https://a.example/k', jwks: { keys: [] } },
      /jwks/,
    ],
    [
      'D4 keys by http',
      { type: 'web', authMethod: 'private_key_jwt', jwksUri: 'http://a.example/k' },
      /https/,
    ],
    ['D4 keys in a file', { type: 'web', authMethod: 'private_key_jwt', jwksUri: 'file:///k' }, /jwksUri/],
    [
      'a certificate without a subject',
      { type: 'web', authMethod: 'tls_client_auth' },
      /tlsSubjectDn: must be set/,
    ],
    [
      'a certificate with two',
      { type: 'web', authMethod: 'tls_client_auth', tlsSanDns: 'a.example', tlsSubjectDn: 'CN=a' },
      /tlsSubjectDn: must be set/,
    ],
    ['a subject for nothing', { type: 'web', tlsSanDns: 'a.example' }, /tlsSanDns: is of no use/],
    ['a subject that is none', { type: 'web', authMethod: 'tls_client_auth', tlsSubjectDn: 'a' }, /RFC 4514/],
    [
      'a wildcard',
      { type: 'web', authMethod: 'tls_client_auth', tlsSanDns: '*.example' },
      /tlsSanDns: must be/,
    ],
    [
      'its own certificate, nowhere',
      { type: 'web', authMethod: 'self_signed_tls_client_auth' },
      /jwks: is required/,
    ],
    [
      'a tab with a certificate',
      { type: 'spa', authMethod: 'tls_client_auth', tlsSanDns: 'a' },
      /authMethod/,
    ],
    [
      'tokens bound twice',
      { type: 'web', certificateBoundTokens: true, dpopBoundTokens: true },
      /certificateBoundTokens: must not/,
    ],
    ['HS256', { type: 'web', idTokenAlg: 'HS256' }, /idTokenAlg/],
    ['none', { type: 'web', idTokenAlg: 'none' }, /idTokenAlg/],
    ['an http logout call', { type: 'web', backchannelLogoutUri: 'http://a.example/x' }, /https/],
  ])('%s', (_row, input, fault) => {
    expect(judge({ ...base, ...(input as object) }).faults).toMatch(fault);
  });

  it('names every fault in one answer, whatever the types of the values', () => {
    const { faults } = judge({ name: 7, type: 'web', redirectUris: 'x', clientId: [], scopes: [1], nope: 1 });
    for (const field of ['name', 'clientId', 'nope']) expect(faults).toContain(`${field}:`);
    for (const odd of [null, undefined, 'x', 7, []]) expect(judge(odd).client).toBeUndefined();
    expect(judge({ ...base, type: 'web', name: '<img src=x onerror=alert(1)>' }).client).toBeDefined();
  });

  it('lifts PKCE only for a confidential web client that says so', () => {
    expect(judge({ ...base, type: 'web', legacyWithoutPkce: true }).client?.pkceRequired).toBe(false);
  });
});

describe('keys of a client (D11)', () => {
  const jwk = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits });
  const input = (key: object) => ({
    ...base,
    type: 'web',
    authMethod: 'private_key_jwt',
    jwks: { keys: [key] },
  });

  it('keeps the public members only', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const sent = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig', note: 'x' };
    const [kept] = judge(input(sent)).client?.jwks?.keys ?? [];
    expect(Object.keys(kept ?? {}).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });

  it('refuses private, weak and broken keys', () => {
    const pair = jwk(2_048);
    expect(judge(input(pair.publicKey.export({ format: 'jwk' }))).faults).toBe('');
    expect(judge(input(pair.privateKey.export({ format: 'jwk' }))).faults).toMatch(/private/);
    expect(judge(input(jwk(1_024).publicKey.export({ format: 'jwk' }))).faults).toMatch(/1024 bits/);
    expect(judge(input({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' })).faults).toMatch(/not a valid/);
    expect(judge(input({ kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' })).faults).toMatch(/curve/);
  });
});

it('an update starts from the same client', () => {
  const { client } = judge({
    ...base,
    type: 'web',
    legacyWithoutPkce: true,
    logoUri: 'https://a.example/logo.png',
  });
  if (!client) throw new Error('refused');
  expect(judge(inputOf(client)).client).toEqual(client);
});

describe('client secrets (T10, T13)', () => {
  const now = Date.UTC(2026, 0, 1);
  const first = newSecret(now);
  const second = newSecret(now);

  it('are random, recognisable and kept as a digest', () => {
    expect(first.value).toMatch(new RegExp(`^${SECRET_PREFIX}[A-Za-z0-9_-]{43}$`));
    expect(first.value).not.toBe(second.value);
    expect(JSON.stringify(first.stored)).not.toContain(first.value.slice(SECRET_PREFIX.length));
  });

  it('each live one matches, and nothing else does', () => {
    const secrets = [first.stored, { ...second.stored, expiresAt: now + 1_000 }];
    expect(matchSecret(secrets, first.value, now)).toBe(first.stored);
    expect(matchSecret(secrets, second.value, now)?.secretId).toBe(second.stored.secretId);
    expect(matchSecret(secrets, second.value, now + 1_000)).toBeUndefined();
    for (const wrong of ['', first.stored.digest, newSecret(now).value, `${first.value} `, 'x'.repeat(1e6)]) {
      expect(matchSecret(secrets, wrong, now)).toBeUndefined();
    }
    expect(matchSecret([], first.value, now)).toBeUndefined();
  });
});

describe('whose tokens authenticate a client', () => {
  const issuer = 'https://token.actions.example';
  const judged = (federated: unknown, more = {}) =>
    judge({ name: 'S', type: 'service', authMethod: 'federated_jwt', federated, ...more });

  it.each(['system:serviceaccount:prod:billing', 'repo:acme/app:*', 'spiffe://example.org/ns/prod/*'])(
    'the subject %s',
    (subject) => expect(judged([{ issuer, subject }]).client?.federated).toEqual([{ issuer, subject }]),
  );

  it.each([
    ['none', undefined, /must name an issuer/],
    ['no list', { issuer, subject: 'a' }, /must be a list/],
    ['an empty list', [], /must be a list/],
    ['eleven', Array(11).fill({ issuer, subject: 'a' }), /1 to 10/],
    ['no subject', [{ issuer }], /no subject/],
    ['no issuer', [{ subject: 'a' }], /no issuer/],
    ['an issuer by http', [{ issuer: 'http://a.example', subject: 'a' }], /https/],
    ['keys in a file', [{ issuer, subject: 'a', jwksUri: 'file:///k' }], /address/],
    ['anybody', [{ issuer, subject: '*' }], /\*/],
    ['a name that others can lengthen', [{ issuer, subject: 'repo:acme*' }], /\*/],
    ['a * in the middle', [{ issuer, subject: 'repo:*:ref:main' }], /\*/],
    ['two', [{ issuer, subject: 'repo:*:*' }], /\*/],
    ['a line end', [{ issuer, subject: 'a\nb' }], /no subject/],
    ['an unknown member', [{ issuer, subject: 'a', trusted: true }], /member other than/],
    ['a flag that is text', [{ issuer, subject: 'a', reusable: 'true' }], /no flag/],
    ['null', [null], /no object/],
  ])('%s is refused', (_name, federated, fault) => expect(judged(federated).faults).toMatch(fault));

  it('and no other method goes with it', () => {
    const { faults } = judge({ name: 'S', type: 'service', federated: [{ issuer, subject: 'a' }] });
    expect(faults).toMatch(/federated: is of no use/);
    expect(judge({ ...base, type: 'spa', authMethod: 'federated_jwt' }).faults).toMatch(/authMethod/);
  });
});
