/** What comes next in a sign-in, from what was proved, demanded and there: S11 and S19 as one pure function. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type SecondFactorPolicy,
  secondFactorPolicies,
  strictestPolicy,
} from '../../src/config/second-factor.ts';
import { methodsOf } from '../../src/pages/factor.ts';
import type { FactorKind } from '../../src/pages/front-door.ts';
import {
  canReach,
  demandedRank,
  dependsOnFactors,
  nextNeed,
  type Situation,
} from '../../src/pages/next-need.ts';
import { joinMethods, type Rank, rankOf } from '../../src/protocol/levels.ts';

const kinds: readonly FactorKind[] = ['passkey', 'totp', 'recovery', 'email'];
const ranks = fc.constantFrom<Rank>(0, 1, 2, 3);
const policies = fc.constantFrom(...secondFactorPolicies);
/** What a first factor, and whatever came after it, has proved. */
const proofs = fc
  .tuple(fc.constantFrom(['pwd'], ['email'], ['upstream'], ['pop', 'user', 'mfa']), fc.subarray([...kinds]))
  .map(([first, more]) => joinMethods(first, ...more.map((kind) => methodsOf[kind])));
const situations: fc.Arbitrary<Situation> = fc.record({
  amr: proofs,
  policy: policies,
  wanted: fc.record({ must: ranks, wish: ranks }),
  has: fc.subarray([...kinds]),
});

const need = (policy: SecondFactorPolicy, amr: readonly string[], has: readonly FactorKind[], wanted = {}) =>
  nextNeed({ policy, amr, has, wanted: { must: 0, wish: 0, ...wanted } });
const nothing = { kind: 'nothing' };

describe('the strictest policy wins', () => {
  test('whoever says what, in any order, and silence says nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.option(policies, { nil: undefined })), (said) => {
        const wins = strictestPolicy(said);
        const heard = said.filter((policy) => policy !== undefined);
        expect(heard.every((policy) => demandedRank(policy) <= demandedRank(wins))).toBe(true);
        expect(heard.length === 0 ? wins === 'none' : heard.includes(wins)).toBe(true);
        expect(strictestPolicy([...said].reverse())).toBe(wins);
      }),
    );
  });
});

describe('S19 the same level on every path', () => {
  test('nobody is through below the policy, and none is asked for what brings nothing', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const { amr, policy, has } = situation;
        const next = nextNeed(situation);
        const rank = rankOf(amr);
        if (next.kind === 'nothing') expect(rank).toBeGreaterThanOrEqual(demandedRank(policy));
        if (next.kind === 'factor') {
          expect(next.kinds.length).toBeGreaterThan(0);
          for (const kind of next.kinds) {
            expect(has).toContain(kind);
            expect(rankOf(joinMethods(amr, methodsOf[kind]))).toBeGreaterThan(rank);
          }
        }
        // What is there is asked for before anything is set up (ASVS 5 6.4.3).
        if (next.kind === 'enrol') {
          const better = has.filter((kind) => kind !== 'email');
          for (const kind of better) expect(rankOf(joinMethods(amr, methodsOf[kind]))).toBe(rank);
        }
      }),
    );
  });

  test('proving what is asked for ends, and a stricter policy never lets through what a laxer one stops', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        let { amr, has } = situation;
        for (let step = 0; step < 5; step += 1) {
          const next = nextNeed({ ...situation, amr, has });
          if (next.kind === 'nothing') return;
          const [kind] = next.kinds;
          if (kind === undefined) throw new Error('asked for nothing');
          has = kinds.filter((one) => one === kind || has.includes(one));
          amr = joinMethods(amr, methodsOf[kind]);
        }
        throw new Error('asked without end');
      }),
    );
    fc.assert(
      fc.property(situations, policies, (situation, other) => {
        const policy = strictestPolicy([situation.policy, other]);
        if (nextNeed({ ...situation, policy }).kind !== 'nothing') return;
        // Where a policy demands that something be set up, a mailed code no longer serves a wish.
        const has = situation.has.filter((kind) => kind !== 'email');
        expect(nextNeed({ ...situation, has }).kind).toBe('nothing');
      }),
    );
  });

  test('a suspected password needs another proof where one can be had, and no policy is met by that alone', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const first = nextNeed({ ...situation, amr: ['pwd'], suspected: true });
        const usual = nextNeed({ ...situation, amr: ['pwd'] });
        if (situation.has.includes('email')) expect(first.kind).toBe('factor');
        else expect(first).toEqual(usual);
        if (first.kind !== 'factor' || first.why !== 'suspicion') return;
        expect(first.kinds).toEqual(['email']);
        const next = nextNeed({ ...situation, amr: ['pwd', 'email', 'mfa'], suspected: true });
        // What is to be set up still is, after the code and never instead of it.
        expect(next).toEqual(demandedRank(situation.policy) > 1 ? usual : nothing);
      }),
    );
  });

  test('what need not be looked up makes no difference', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        if (dependsOnFactors(situation)) return;
        expect(nextNeed(situation)).toEqual(nextNeed({ ...situation, has: [] }));
      }),
    );
  });
});

describe('row by row', () => {
  test.each([
    ['no policy asks nobody', need('none', ['pwd'], ['totp']), nothing],
    [
      'optional asks whoever has switched it on',
      need('optional', ['pwd'], ['totp', 'recovery']),
      {
        kind: 'factor',
        kinds: ['totp', 'recovery'],
      },
    ],
    [
      'whatever the first factor was',
      need('optional', ['upstream'], ['totp']),
      { kind: 'factor', kinds: ['totp'] },
    ],
    [
      'a mailed code too',
      need('optional', ['email'], ['totp', 'email']),
      { kind: 'factor', kinds: ['totp'] },
    ],
    ['a passkey alone is a way in, no second step', need('optional', ['pwd'], ['passkey']), nothing],
    [
      'required asks for any',
      need('required', ['pwd'], ['passkey', 'totp', 'email']),
      {
        kind: 'factor',
        kinds: ['passkey', 'totp'],
      },
    ],
    [
      'required and nothing there: set up',
      need('required', ['pwd'], ['email']),
      {
        kind: 'enrol',
        kinds: ['passkey', 'totp'],
      },
    ],
    [
      'passkey only: no code will do',
      need('passkey', ['pwd'], ['passkey', 'totp']),
      {
        kind: 'factor',
        kinds: ['passkey'],
      },
    ],
    [
      'passkey only, none there: first the code, then set up',
      need('passkey', ['pwd'], ['totp']),
      {
        kind: 'factor',
        kinds: ['totp'],
      },
    ],
    [
      '… then set up',
      need('passkey', ['pwd', 'otp', 'mfa'], ['totp']),
      { kind: 'enrol', kinds: ['passkey'] },
    ],
    [
      'a verified passkey needs nothing more',
      need('passkey', ['pop', 'user', 'mfa'], ['passkey', 'totp']),
      nothing,
    ],
    [
      'a demanded level asks for what is missing',
      need('none', ['pwd'], ['totp'], { must: 2 }),
      {
        kind: 'factor',
        kinds: ['totp'],
      },
    ],
    [
      'of an account without a factor by mail',
      need('none', ['pwd'], ['email'], { must: 2 }),
      {
        kind: 'factor',
        kinds: ['email'],
      },
    ],
    ['never mail after mail', need('none', ['email'], ['email'], { must: 2 }), nothing],
    ['what cannot be reached is not asked for', need('none', ['pwd'], ['totp'], { must: 3 }), nothing],
    ['a wish likewise', need('none', ['pwd'], ['totp'], { wish: 2 }), { kind: 'factor', kinds: ['totp'] }],
    ['a wish is worth no mail', need('none', ['pwd'], ['email'], { wish: 2 }), nothing],
    ['a wish that cannot be reached', need('none', ['pwd'], [], { wish: 2 }), nothing],
  ])('%s', (_, got, wanted) => expect(got).toEqual(wanted));

  test('a level is reached with what the account has, never with what it might set up', () => {
    const at = (has: readonly FactorKind[], policy: SecondFactorPolicy = 'none') => ({
      amr: ['pwd'],
      policy,
      has,
    });
    expect(canReach(at(['totp']), 'wish', 2)).toBe(true);
    expect(canReach(at(['totp']), 'demand', 3)).toBe(false);
    expect(canReach(at(['passkey']), 'demand', 3)).toBe(true);
    expect(canReach(at(['email']), 'demand', 2)).toBe(true);
    expect(canReach(at(['email']), 'wish', 2)).toBe(false);
    expect(canReach(at(['email'], 'required'), 'demand', 2)).toBe(false);
    expect(canReach(at([]), 'demand', 2)).toBe(false);
  });
});
