/**
 * Decides which refusals are recorded: so many for one network within a window, and so many for all of them together,
 * so that strangers cannot fill the store, be they one or a thousand. In memory and for each process: it guards a store, and
 * is no limit that anyone is promised.
 */
import type { Clock } from '../config/clock.ts';

export interface SamplerOptions {
  clock: Clock;
  limit: number;
  windowSeconds: number;
  /** For all networks together within a window: 15 times the share of one. */
  totalLimit?: number;
  /** How many networks are remembered: about 100 bytes each. */
  maxNetworks?: number;
}

export function createSampler(options: SamplerOptions): { take(network: string): boolean } {
  const { clock, limit, windowSeconds, totalLimit = limit * 15, maxNetworks = 10_000 } = options;
  const counts = new Map<string, number>();
  let windowEnd = 0;
  let total = 0;
  return {
    take(network) {
      const now = clock.now();
      if (now >= windowEnd || now < windowEnd - windowSeconds * 1_000) {
        windowEnd = now + windowSeconds * 1_000;
        total = 0;
        counts.clear();
      }
      const count = counts.get(network) ?? 0;
      if (count >= limit || total >= totalLimit) return false;
      if (count === 0 && counts.size >= maxNetworks) return false;
      counts.set(network, count + 1);
      total += 1;
      return true;
    },
  };
}
