/**
 * How many mailed codes one network may type. Each code has five tries of its own (accounts/mailed-proofs.ts); this is
 * for whoever goes from address to address.
 */
import type { Clock } from '../config/clock.ts';
import type { Limits } from '../config/limits.ts';
import type { Counters } from '../storage/counters.ts';
import type { ThrottleOutcome } from './sign-in-throttle.ts';

export interface CodeThrottle {
  /** Counts the try, atomically and before anything is looked up. @throws StorageUnavailable */
  check(network: string): Promise<ThrottleOutcome>;
}

export function createCodeThrottle({
  counters,
  limits,
  clock,
}: {
  counters: Counters;
  limits: Pick<Limits, 'codeTriesPerNetwork'>;
  clock: Clock;
}): CodeThrottle {
  const { limit, windowSeconds } = limits.codeTriesPerNetwork;
  return {
    async check(network) {
      const { count, resetAt } = await counters.hit(JSON.stringify(['mailed code', network]), windowSeconds);
      if (count <= limit) return { kind: 'go' };
      return { kind: 'wait', retryAfterSeconds: Math.max(1, Math.ceil((resetAt - clock.now()) / 1000)) };
    },
  };
}
