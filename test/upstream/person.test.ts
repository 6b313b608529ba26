/** What is read of a provider's claims, and what it is worth here: only what was set, and only when it is well-formed. */
import { describe, expect, test } from 'vitest';
import { canonicalEmail } from '../../src/accounts/emails.ts';
import type { SecondFactorPolicy } from '../../src/config/second-factor.ts';
import { nextNeed } from '../../src/pages/next-need.ts';
import { levelOf } from '../../src/protocol/levels.ts';
import { methodsOf } from '../../src/upstream/coming.ts';
import { type Claims, personOf } from '../../src/upstream/person.ts';
import type { Provider, TrustedValue } from '../../src/upstream/provider.ts';
import { judgeProvider } from '../../src/upstream/provider-rules.ts';

function providerWith(more: Partial<Parameters<typeof judgeProvider>[0]> = {}): Provider {
  const judged = judgeProvider(
    { providerId: 'corp', issuer: 'https://corp.example', clientId: 'c', ...more },
    true,
  );
  if (judged.kind === 'faults') throw new Error(JSON.stringify(judged.faults));
  return { ...judged.provider, enabled: true, createdAt: 0, updatedAt: 0 };
}

const read = (claims: Claims, more: Parameters<typeof providerWith>[0] = {}, userinfo: Claims = {}) =>
  personOf(providerWith(more), 'https://corp.example', { sub: 's', ...claims }, userinfo);

const two = 'urn:cardea:acr:2';
const three = 'urn:cardea:acr:3';
const trusts: readonly TrustedValue[] = [
  { claim: 'acr', value: 'loa:high', level: three },
  { claim: 'acr', value: 'loa:middle', level: two },
  { claim: 'amr', value: 'mfa', level: two },
  { claim: 'amr', value: 'hwk', level: three },
];
const claimsOfMore: readonly (readonly [Claims, string])[] = [
  [{ amr: ['mfa'] }, two],
  [{ amr: ['pwd', 'hwk'] }, three],
  [{ amr: ['pwd', 'mfa', 'hwk'] }, three],
  [{ acr: 'loa:middle' }, two],
  [{ acr: 'loa:high' }, three],
  [{ acr: 'loa:middle', amr: ['hwk'] }, three],
];

describe('a claim of more than one factor there', () => {
  test.each(claimsOfMore)('%j is one factor, unless the operator reads it as %s', (claims, level) => {
    const plain = read(claims);
    expect([plain?.level, plain && levelOf(methodsOf(plain))]).toEqual([undefined, 'urn:cardea:acr:1']);
    const trusted = read(claims, { trusted: trusts });
    expect([trusted?.level, trusted && levelOf(methodsOf(trusted))]).toEqual([level, level]);
  });

  test.each([
    [{ acr: 'loa:HIGH' }],
    [{ acr: 'loa:high ' }],
    [{ acr: ['loa:high'] }],
    [{ acr: three }],
    [{ acr: 'mfa', amr: ['loa:high'] }],
    [{ amr: 'mfa' }],
    [{ amr: { 0: 'mfa', length: 1 } }],
    [{ amr: [['mfa']] }],
    [{ amr: ['MFA', 'mfa2', null, 1] }],
    [{ amr: [...Array.from({ length: 50 }, () => 'x'), 'mfa'] }],
  ] as readonly (readonly [Claims])[])('%j is none that was set', (claims) => {
    const person = read(claims, { trusted: trusts });
    expect([person?.level, person && levelOf(methodsOf(person))]).toEqual([undefined, 'urn:cardea:acr:1']);
  });

  test('userinfo, which is not signed, raises nothing', () => {
    expect(read({}, { trusted: trusts }, { acr: 'loa:high', amr: ['hwk'] })?.level).toBeUndefined();
  });
});

describe('S19 what comes after it, by policy', () => {
  const policies: readonly SecondFactorPolicy[] = ['none', 'optional', 'required', 'passkey'];
  const follows = (claims: Claims, policy: SecondFactorPolicy, has: readonly 'totp'[], trusted = trusts) => {
    const person = read(claims, { trusted });
    if (!person) throw new Error('nobody');
    return nextNeed({ amr: methodsOf(person), policy, has, wanted: { must: 0, wish: 0 } }).kind;
  };
  test.each([
    // Claims, and what follows under each policy: for an account with an authenticator app, and for one without.
    [{}, ['nothing', 'factor', 'factor', 'factor'], ['nothing', 'nothing', 'enrol', 'enrol']],
    [
      { amr: ['mfa'] },
      ['nothing', 'nothing', 'nothing', 'enrol'],
      ['nothing', 'nothing', 'nothing', 'enrol'],
    ],
    [
      { acr: 'loa:high' },
      ['nothing', 'nothing', 'nothing', 'nothing'],
      ['nothing', 'nothing', 'nothing', 'nothing'],
    ],
  ] as const)('%j', (claims, withOne, without) => {
    expect(policies.map((policy) => follows(claims, policy, ['totp']))).toEqual(withOne);
    expect(policies.map((policy) => follows(claims, policy, []))).toEqual(without);
  });

  test('nothing is trusted where nothing was set', () => {
    for (const [claims] of claimsOfMore) {
      expect(policies.map((policy) => follows(claims, policy, ['totp'], []))).toEqual([
        'nothing',
        'factor',
        'factor',
        'factor',
      ]);
    }
  });
});

describe('what was sent in another shape', () => {
  test.each([
    ['an array', ['ada@corp.example', 'eve@corp.example']],
    ['an object', { address: 'ada@corp.example' }],
    ['true', true],
    ['too long', `${'a'.repeat(300)}@corp.example`],
    ['two lines', 'ada@corp.example\r\nBcc: eve@corp.example'],
    ['nothing', ''],
  ])('an address that is %s is none, and nothing is verified by it', (_, email) => {
    const person = read({ email, email_verified: true }, { trustEmailVerified: true });
    expect([person?.email, person?.emailTrusted]).toEqual([undefined, false]);
  });

  test.each([
    [true, true],
    ['true', true],
    [false, false],
    ['false', false],
    ['TRUE', false],
    [1, false],
    ['yes', false],
    [['true'], false],
    [null, false],
    [undefined, false],
  ])('email_verified %j is %s; never where the operator does not believe it', (verified, trusted) => {
    const claims = { email: 'ada@corp.example', email_verified: verified };
    expect(read(claims, { trustEmailVerified: true })?.emailTrusted).toBe(trusted);
    expect(read(claims)?.emailTrusted).toBe(false);
  });

  test.each([[''], ['a b'], ['x'.repeat(256)], ['ä'], [{}], [['s']], [null], [1.5]])(
    'subject %j is nobody',
    (sub) => {
      expect(personOf(providerWith(), 'https://corp.example', { sub }, {})).toBeUndefined();
    },
  );

  test('what looks like another’s address is another address', () => {
    const canonical = (text: string) => {
      const judged = canonicalEmail(text);
      return judged.kind === 'email' ? judged.canonical : undefined;
    };
    for (const text of ['аda@corp.example', 'ada@cоrp.example', 'ada@corp.example.', 'ada​@corp.example']) {
      expect(canonical(text)).not.toBe('ada@corp.example');
    }
  });
});

describe('claims of a new account', () => {
  const said = {
    name: 'Ada Lovelace',
    given_name: 'Ada',
    family_name: 'Lovelace',
    locale: 'de',
    picture: 'https://corp.example/ada.png',
    roles: ['admin'],
    groups: ['admin'],
    role: 'admin',
    profile: { 'display.name': 'A', first: 'Augusta' },
    __proto__: { nickname: 'inherited' },
  };
  test('the usual ones by their own names; roles and groups never', () => {
    expect(read(said)?.profile).toEqual({
      name: 'Ada Lovelace',
      given_name: 'Ada',
      family_name: 'Lovelace',
      locale: 'de',
      picture: 'https://corp.example/ada.png',
    });
    for (const claim of ['roles', 'role', 'groups', 'permissions', 'administrator']) {
      const claims = Object.fromEntries([[claim, 'roles']]);
      const judged = judgeProvider(
        { providerId: 'x', issuer: 'https://x.example', clientId: 'c', claims },
        true,
      );
      expect([claim, judged.kind]).toEqual([claim, 'faults']);
    }
  });

  test('mapped ones from where they stand, and nothing else', () => {
    const claims = { given_name: 'profile.first', nickname: 'nickname', name: 'profile.constructor.name' };
    expect(read(said, { claims })?.profile).toEqual({ given_name: 'Augusta' });
  });

  test.each([[['Ada']], [{ first: 'Ada' }], [7], [null], ['x'.repeat(2_001)], ['']])(
    '%j is no name',
    (name) => {
      expect(read({ name })?.profile).toEqual({});
    },
  );
});
