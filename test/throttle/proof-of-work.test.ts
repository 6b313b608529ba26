/** Proof of work: what opens nothing, and that each solution opens once. */
import { describe, expect, it } from 'vitest';
import {
  bitsOf,
  CHALLENGE_SECONDS,
  createProofOfWork,
  LEAST_BITS,
  MOST_BITS,
  zeroBits,
} from '../../src/throttle/proof-of-work.ts';
import { movedClock } from './memory-counters.ts';
import { solve } from './solve.ts';

function setUp() {
  const clock = movedClock();
  const claimed = new Set<string>();
  const claim = async (scope: string, value: string) => {
    const size = claimed.size;
    return claimed.add(`${scope} ${value}`).size > size;
  };
  const create = (keys: readonly string[]) => createProofOfWork({ keys, clock, claim });
  return { clock, claimed, create, work: create(['newest', 'older']), other: create(['newest', 'older']) };
}

const about = { purpose: 'sign-in', form: 'f'.repeat(43), network: '192.0.2.1' };

describe('proof of work', () => {
  it('accepts a solution once, of many at once, on two processes', async () => {
    const { work, other } = setUp();
    const issued = work.issue(about, 0);
    const solution = { challenge: issued.challenge, answer: solve(issued) };
    const tries = Array.from({ length: 20 }, (_, n) => (n % 2 ? work : other).redeem(about, solution));
    const outcomes = await Promise.all(tries);
    expect(outcomes.filter((one) => one === 'solved').length).toBe(1);
    expect(outcomes.filter((one) => one === 'used').length).toBe(19);
  });

  it('opens nothing else, nowhere else, not later, and claims nothing for what it refuses', async () => {
    const { work, create, clock, claimed } = setUp();
    const issued = work.issue(about, 0);
    const { challenge } = issued;
    const answer = solve(issued);
    for (const [change, given] of [
      [{ purpose: 'mail' }, {}],
      [{ form: 'g'.repeat(43) }, {}],
      [{ network: '192.0.2.2' }, {}],
      [{}, { answer: `${answer}0` }],
      [{}, { answer: '' }],
      [{}, { answer: `${answer}\n` }],
      [{}, { challenge: challenge.replace(`.${LEAST_BITS}.`, '.1.') }],
      [{}, { challenge: challenge.replace('1.sign-in', '1.mail') }],
      [{}, { challenge: challenge.replace(/\d{10}/, (at) => String(Number(at) + 600)) }],
      [{}, { challenge: `${challenge}x` }],
      [{}, { challenge: '' }],
      [{}, { challenge: 'x'.repeat(10_000) }],
    ] as const) {
      expect(await work.redeem({ ...about, ...change }, { challenge, answer, ...given })).toBe('wrong');
    }
    expect(await create(['foreign']).redeem(about, { challenge, answer })).toBe('wrong');
    // A rotated key forgets no page that is open.
    const ofOlder = create(['older']).issue(about, 0);
    expect(await work.redeem(about, { challenge: ofOlder.challenge, answer: solve(ofOlder) })).toBe('solved');
    clock.forward(CHALLENGE_SECONDS);
    expect(await work.redeem(about, { challenge, answer })).toBe('outdated');
    expect(claimed.size).toBe(1);
  });

  it('grows with the pressure to a cap, and counts bits as they stand', () => {
    expect([-1, 0, 0.5, 1, 9].map(bitsOf)).toEqual([LEAST_BITS, LEAST_BITS, 19, MOST_BITS, MOST_BITS]);
    expect(
      [[0x80], [0x01], [0, 0x40], [0, 0, 0x1f], [0, 0]].map((of) => zeroBits(Uint8Array.from(of))),
    ).toEqual([0, 7, 9, 19, 16]);
  });
});
