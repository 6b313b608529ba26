/** acr and amr: what each set of methods proves, and what a request asks for. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wantedRanks } from '../../src/protocol/level-checks.ts';
import { joinMethods, levelOf, levels, rankOf, rankOfLevel } from '../../src/protocol/levels.ts';

const [one, two, three] = levels;

describe('what was proved', () => {
  test.each([
    [[], undefined],
    [['user'], undefined],
    [['constructor'], undefined],
    [['pwd'], one],
    [['email'], one],
    [['upstream'], one],
    [['pop'], one],
    [['pwd', 'pwd'], one],
    [['email', 'email'], one],
    [['email', 'upstream'], one],
    [['otp', 'recovery'], one],
    [['otp', 'pop'], one],
    [['pwd', 'otp'], two],
    [['pwd', 'recovery'], two],
    [['pwd', 'email'], two],
    [['pwd', 'pop'], two],
    [['email', 'otp'], two],
    [['upstream', 'otp'], two],
    [['upstream', 'mfa'], two],
    [['mfa'], undefined],
    [['pop', 'user', 'mfa'], three],
    [['pwd', 'pop', 'user', 'mfa'], three],
    [['pwd', 'user'], one],
  ])('%j is %s', (amr, level) => {
    expect(levelOf(amr)).toBe(level);
  });

  test('more proofs never lower a level, in any order; mfa is said exactly where more than one factor was proved', () => {
    const methods = fc.subarray(['pwd', 'email', 'upstream', 'otp', 'recovery', 'pop', 'user']);
    fc.assert(
      fc.property(methods, methods, (first, second) => {
        const joined = joinMethods(first, second);
        expect(rankOf(joined)).toBe(rankOf(joinMethods(second, first)));
        expect(rankOf(joined)).toBeGreaterThanOrEqual(Math.max(rankOf(first), rankOf(second)));
        expect(joined.includes('mfa')).toBe(rankOf(joined) > 1);
        expect(new Set(joined).size).toBe(joined.length);
        expect([...first, ...second].every((method) => joined.includes(method))).toBe(true);
      }),
    );
  });

  test('joining keeps the order of proof, each method once', () => {
    expect(joinMethods(['pwd'], ['otp'])).toEqual(['pwd', 'otp', 'mfa']);
    expect(joinMethods(['pwd', 'otp', 'mfa'], ['pop', 'user', 'mfa'])).toEqual([
      'pwd',
      'otp',
      'pop',
      'user',
      'mfa',
    ]);
    expect(joinMethods(['email'], ['email'])).toEqual(['email']);
  });
});

describe('what is asked for', () => {
  const claims = (acr: unknown) => JSON.stringify({ id_token: { acr } });
  test.each([
    [{}, 0, 0],
    [{ acr_values: two }, 0, 2],
    [{ acr_values: `${one} ${three}` }, 0, 1],
    [{ acr_values: `urn:elsewhere ${three}` }, 0, 3],
    [{ acr_values: 'urn:elsewhere' }, 0, 0],
    [{ claims: claims(null) }, 0, 0],
    [{ claims: claims({ value: three }) }, 0, 0],
    [{ claims: claims({ essential: true, value: two }) }, 2, 2],
    [{ claims: claims({ essential: true, values: [three, one] }) }, 1, 3],
    [{ claims: claims({ essential: true, values: ['urn:elsewhere'] }) }, 0, 0],
    [{ claims: claims({ essential: true, values: [two] }), acr_values: three }, 2, 3],
  ])('%j must %i, wishes %i', (params, must, wish) => {
    expect(wantedRanks(params)).toEqual({ must, wish });
  });

  test('what is no level of ours is none', () => {
    for (const acr of [undefined, null, 2, '', 'urn:cardea:acr:4', [one]]) expect(rankOfLevel(acr)).toBe(0);
  });
});
