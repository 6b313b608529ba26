/** Pressure for pages without rooms behind them: the work is real, the code that stands in for it is always the same. */
import { systemClock } from '../../src/config/clock.ts';
import type { Demand, ProofFront } from '../../src/pages/proof-front.ts';
import { createProofOfWork } from '../../src/throttle/proof-of-work.ts';
import { RIGHT_CODE } from './fake-mailed.ts';

export function fakeProof(demand: () => Demand | undefined): ProofFront {
  const taken = new Set<string>();
  const work = createProofOfWork({
    keys: ['test key'],
    clock: systemClock,
    claim: async (_scope, value) => {
      const before = taken.size;
      return taken.add(value).size > before;
    },
  });
  return {
    ...work,
    demand: async () => demand(),
    refused: () => 'K7QF-2M9D',
    codes: {
      ask: async ({ email }) => (email.includes('@') ? 'asked' : 'no-address'),
      redeem: async ({ code }) => ({ kind: code === RIGHT_CODE ? 'right' : 'wrong' }),
    },
  };
}
