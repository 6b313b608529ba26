/**
 * How often one network may bring a passkey that is refused. Nobody guesses a signature; this bounds the checking and
 * the look-ups that a stranger can cause. Counted before anything is looked up, taken back when it was right, so that an
 * office behind one address never meets it.
 */
import type { Clock } from '../config/clock.ts';
import type { Limits } from '../config/limits.ts';
import type { Counters } from '../storage/counters.ts';
import type { ThrottleOutcome } from './sign-in-throttle.ts';

export interface PasskeyThrottle {
  /** @throws StorageUnavailable */
  check(network: string): Promise<ThrottleOutcome>;
  succeeded(network: string): Promise<void>;
}

export function createPasskeyThrottle({
  counters,
  limits,
  clock,
}: {
  counters: Counters;
  limits: Pick<Limits, 'passkeyPerNetwork'>;
  clock: Clock;
}): PasskeyThrottle {
  const { limit, windowSeconds } = limits.passkeyPerNetwork;
  const keyOf = (network: string) => JSON.stringify(['passkey', 'network', network]);
  return {
    async check(network) {
      const { count, resetAt } = await counters.hit(keyOf(network), windowSeconds);
      if (count <= limit) return { kind: 'go' };
      return { kind: 'wait', retryAfterSeconds: Math.max(1, Math.ceil((resetAt - clock.now()) / 1000)) };
    },
    async succeeded(network) {
      await counters.hit(keyOf(network), windowSeconds, -1);
    },
  };
}
