import { generateKeyPairSync } from 'node:crypto';
import type { JWK } from 'jose';
import { describe, expect, it } from 'vitest';
import type { Client } from '../../src/clients/client.ts';
import { type ClientInput, inputOf, judgeClient } from '../../src/clients/client-rules.ts';
import { pointsOf, profilePoints, profiles } from '../../src/clients/profile-rules.ts';

const publicJwk = (type: 'ec' | 'ed25519' | 'rsa', curve = 'P-256') => {
  const pair =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: curve })
      : type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ed25519');
  return pair.publicKey.export({ format: 'jwk' }) as JWK;
};
const jwks = { keys: [publicJwk('ec')] };
const web = { name: 'App', type: 'web', redirectUris: ['https://rp.example.com/cb'] } as const;

function judge(input: unknown) {
  const judged = judgeClient(input as ClientInput, () => 'made');
  return 'client' in judged
    ? { client: judged.client, faults: '' }
    : { client: undefined, faults: judged.faults.map((f) => `${f.field}: ${f.fault}`).join('; ') };
}

describe('one word is enough', () => {
  it('baseline is what a client is without one', () => {
    expect(judge({ ...web, profile: 'baseline' }).client).toEqual(judge(web).client);
    expect(judge(web).client).not.toHaveProperty('profile');
  });

  it.each(['web', 'spa', 'native'] as const)('high sets PAR and DPoP for %s', (type) => {
    const { client } = judge({ ...web, type, profile: 'high' });
    expect(client).toMatchObject({ profile: 'high', requirePushedRequests: true, dpopBoundTokens: true });
  });

  it('high for a service: DPoP; there is nothing to push', () => {
    const { client } = judge({ name: 'S', type: 'service', profile: 'high' });
    expect(client).toMatchObject({ profile: 'high', dpopBoundTokens: true });
    expect(client).not.toHaveProperty('requirePushedRequests');
  });

  it('fapi2 sets authentication and signatures too', () => {
    expect(judge({ ...web, profile: 'fapi2', jwks }).client).toMatchObject({
      ...{ profile: 'fapi2', requirePushedRequests: true, dpopBoundTokens: true },
      ...{ authMethod: 'private_key_jwt', idTokenAlg: 'ES256', pkceRequired: true },
    });
  });
});

describe('mutual TLS instead of DPoP', () => {
  const bound = { certificateBoundTokens: true } as const;
  it('high: bound by its certificate, and no proof is asked for', () => {
    const { client } = judge({ ...web, profile: 'high', ...bound });
    expect(client).toMatchObject({ requirePushedRequests: true, certificateBoundTokens: true });
    expect(client).not.toHaveProperty('dpopBoundTokens');
  });

  it('fapi2: it authenticates by it too, without keys', () => {
    const named = { ...web, profile: 'fapi2', authMethod: 'tls_client_auth', tlsSanDns: 'bank.example' };
    expect(judge({ ...named, ...bound }).faults).toBe('');
    // The certificate that authenticates does not bind by itself: then DPoP does.
    expect(judge(named).client).toMatchObject({ dpopBoundTokens: true });
    expect(judge({ ...named, dpopBoundTokens: false }).faults).toMatch(/dpopBoundTokens: /);
    expect(judge({ ...named, ...bound, dpopBoundTokens: true }).faults).toMatch(/together/);
  });
});

describe('a client that contradicts its profile', () => {
  const strict = { ...web, jwks };
  it.each([
    ['high', { requirePushedRequests: false }, /requirePushedRequests: .*PAR .*--require-par/],
    ['high', { dpopBoundTokens: false }, /dpopBoundTokens: /],
    ['high', { legacyWithoutPkce: true }, /legacyWithoutPkce: /],
    ['high', { redirectUris: ['http://localhost:3000/cb'] }, /redirectUris: /],
    ['fapi2', { requirePushedRequests: false }, /requirePushedRequests: /],
    ['fapi2', { dpopBoundTokens: false }, /dpopBoundTokens: /],
    ['fapi2', { authMethod: 'client_secret_basic' }, /authMethod: .*5\.3\.2\.1/],
    ['fapi2', { type: 'spa' }, /authMethod: /],
    ['fapi2', { jwks: undefined }, /jwks: /],
    ['fapi2', { jwks: { keys: [{ ...publicJwk('rsa'), alg: 'RS256' }] } }, /jwks: /],
    ['fapi2', { jwks: { keys: [publicJwk('ec', 'P-384')] } }, /jwks: /],
    ['fapi2', { idTokenAlg: 'RS256' }, /idTokenAlg: /],
    ['fapi2', { userinfoAlg: 'RS256' }, /idTokenAlg: /],
    ['fapi2', { responseTypes: ['code', 'none'] }, /responseTypes: /],
    ['fapi2', { legacyWithoutPkce: true }, /legacyWithoutPkce: /],
    ['fapi3', {}, /profile: must be one of baseline, high, fapi2/],
  ])('%s with %o', (profile, change, said) => {
    expect(judge({ ...strict, profile, ...change }).faults).toMatch(said);
  });

  it.each([publicJwk('ed25519'), publicJwk('rsa'), { ...publicJwk('rsa'), alg: 'PS256' }])(
    'may have key %#',
    (key) => {
      expect(judge({ ...strict, profile: 'fapi2', jwks: { keys: [key] } }).faults).toBe('');
    },
  );

  it('cannot become one by an update, and can be made one by what the fault names', () => {
    const before = judge(web).client;
    if (!before) throw new Error('a plain client must be accepted');
    const up = (change: object) => judge({ ...inputOf(before), ...change });
    expect(up({ profile: 'high' }).faults).toBe('');
    expect(up({ profile: 'fapi2' }).faults).toMatch(/authMethod: .*idTokenAlg: /);
    const mended = up({ profile: 'fapi2', authMethod: 'private_key_jwt', jwks, idTokenAlg: 'ES256' });
    expect(mended.faults).toBe('');
    const strictNow = mended.client as Client;
    expect(judge({ ...inputOf(strictNow), dpopBoundTokens: false }).faults).toMatch(/dpopBoundTokens/);
    expect(judge({ ...inputOf(strictNow), profile: null, dpopBoundTokens: null }).client).not.toHaveProperty(
      'dpopBoundTokens',
    );
  });
});

describe('the table', () => {
  it('a stricter profile asks everything that is asked below it', () => {
    for (const { id, by } of profilePoints) {
      const asked = profiles.filter((profile) => by[profile] !== undefined);
      expect(asked.at(-1), id).toBe('fapi2');
      expect(asked, id).toEqual(profiles.slice(-asked.length));
    }
  });

  it('baseline only says that PKCE is off', () => {
    const { client } = judge({ ...web, legacyWithoutPkce: true });
    if (!client) throw new Error('accepted in baseline');
    expect(pointsOf('baseline', client)).toMatchObject([{ point: { id: 'pkce' }, isMet: false }]);
  });
});
