import { describe, expect, it } from 'vitest';
import { changeProfile, judgeProfile, PROFILE_CLAIMS } from '../../src/accounts/profile.ts';

const faultsOf = (input: unknown) => {
  const judged = judgeProfile(input);
  return judged.kind === 'faults' ? judged.faults.map(({ field }) => field) : [];
};

describe('OpenID Connect Core 1.0 section 5.1: the profile', () => {
  it('takes every standard claim', () => {
    const profile = {
      name: 'Ada Lovelace',
      given_name: 'Ada',
      family_name: 'Lovelace',
      middle_name: 'King',
      nickname: 'Countess',
      preferred_username: 'ada',
      profile: 'https://example.com/ada',
      picture: 'https://example.com/ada.png',
      website: 'http://example.com',
      gender: 'female',
      birthdate: '1815-12-10',
      zoneinfo: 'Europe/London',
      locale: 'en-GB',
      phone_number: '+442079460000;ext=12',
      phone_number_verified: true,
      address: { formatted: '12 St James’s Square\nLondon', country: 'GB' },
    };
    expect(judgeProfile(profile)).toEqual({ kind: 'profile', profile });
    expect(Object.keys(profile).sort()).toEqual([...PROFILE_CLAIMS].sort());
  });

  it.each([
    [{ role: 'admin', is_admin: true }, ['role', 'is_admin']],
    [
      { sub: 'x', email: 'a@b.c', email_verified: true, updated_at: 1 },
      ['sub', 'email', 'email_verified', 'updated_at'],
    ],
    [
      { password_hash: 'x', id: '1', org_id: '2', mfa_enabled: false },
      ['password_hash', 'id', 'org_id', 'mfa_enabled'],
    ],
    [{ address: { street: 'x' } }, ['address.street']],
  ])('A8 refuses what is no claim of it, by name: %j', (input, fields) => {
    expect(faultsOf(input)).toEqual(fields);
  });

  it.each([
    [{ name: '' }],
    [{ name: 'x'.repeat(201) }],
    [{ name: 'a\u0000b' }],
    [{ name: 'a\r\nSet-Cookie: x' }],
    [{ name: ['a'] }],
    [{ name: { $ne: 1 } }],
    [{ picture: 'javascript:alert(1)' }],
    [{ picture: 'data:image/png;base64,x' }],
    [{ picture: `https://example.com/${'x'.repeat(2000)}` }],
    [{ website: 'example.com' }],
    [{ birthdate: '2026-02-30' }],
    [{ birthdate: '10.12.1815' }],
    [{ zoneinfo: 'Mars/Base' }],
    [{ locale: 'not a tag' }],
    [{ phone_number: '020 7946 0000' }],
    [{ phone_number_verified: 'true' }],
    ['text'],
    [[]],
  ])('refuses %j', (input) => {
    expect(judgeProfile(input).kind).toBe('faults');
  });

  it.each(['0000-02-29', '1815', '2024-02-29', '1815-12-10'])('takes the birthdate %s', (birthdate) => {
    expect(judgeProfile({ birthdate }).kind).toBe('profile');
  });

  it('changes what is given, takes away what is null, leaves the rest', () => {
    const changed = changeProfile(
      { name: 'Ada', locale: 'en' },
      { name: 'Ada L', locale: null, gender: undefined },
    );
    expect(changed).toEqual({ name: 'Ada L' });
    expect(judgeProfile(changeProfile({}, ['x'])).kind).toBe('faults');
  });
});
