/**
 * How often a device's user code may be guessed (RFC 8628 section 5.1), and how often a device may poll (section 3.5).
 * Two counters, of the network and of the browser, are raised in one trip before a code is looked up; the numbers that
 * come back are this guess's tickets, so that guesses at once on several processes share the same few. A code that exists
 * is no guess: it is taken back.
 */
import type { Clock } from '../config/clock.ts';
import type { Limits } from '../config/limits.ts';
import type { Counters } from '../storage/counters.ts';
import type { ThrottleOutcome } from './sign-in-throttle.ts';

export interface UserCodeGuess {
  /** networks.ts */
  readonly network: string;
  /** The browser's session. */
  readonly browser: string;
}

export interface DeviceThrottle {
  /** Counts the guess, atomically and before the code is looked up. @throws StorageUnavailable */
  checkGuess(guess: UserCodeGuess): Promise<ThrottleOutcome>;
  /** The code was there: this guess is taken back. */
  takeBack(guess: UserCodeGuess): Promise<void>;
  /** False for a poll that comes too soon after another one of the same device code. */
  mayPoll(deviceCode: string): Promise<boolean>;
}

/** Seconds between polls, as announced (RFC 8628 section 3.2). */
export const POLL_INTERVAL_SECONDS = 5;

export function createDeviceThrottle({
  counters,
  limits,
  clock,
}: {
  counters: Counters;
  limits: Pick<Limits, 'userCodePerNetwork' | 'userCodePerBrowser'>;
  clock: Clock;
}): DeviceThrottle {
  const holdsOf = ({ network, browser }: UserCodeGuess) => [
    { key: JSON.stringify(['user code', 'network', network]), limit: limits.userCodePerNetwork },
    { key: JSON.stringify(['user code', 'browser', browser]), limit: limits.userCodePerBrowser },
  ];

  return {
    async checkGuess(guess) {
      const holds = holdsOf(guess);
      const tickets = await counters.hitAll(
        holds.map(({ key, limit }) => ({ key, windowSeconds: limit.windowSeconds })),
      );
      const spent = tickets.filter(({ count }, n) => count > (holds[n]?.limit.limit ?? 0));
      if (spent.length === 0) return { kind: 'go' };
      const opensAt = Math.max(...spent.map(({ resetAt }) => resetAt));
      return { kind: 'wait', retryAfterSeconds: Math.max(1, Math.ceil((opensAt - clock.now()) / 1000)) };
    },
    async takeBack(guess) {
      await Promise.all(holdsOf(guess).map(({ key, limit }) => counters.hit(key, limit.windowSeconds, -1)));
    },
    async mayPoll(deviceCode) {
      // A network that delays one poll and not the next makes five seconds four.
      const { count } = await counters.hit(
        JSON.stringify(['device poll', deviceCode]),
        POLL_INTERVAL_SECONDS - 1,
      );
      return count === 1;
    },
  };
}
