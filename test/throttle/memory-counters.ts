import type { Clock } from '../../src/config/clock.ts';
import type { Counted, Counters } from '../../src/storage/counters.ts';

/** Counters in memory under the contract's rules, shared by as many "processes" as are given the same one. */
export function memoryCounters(clock: Clock): Counters & { tripCount(): number } {
  const windows = new Map<string, Counted>();
  let trips = 0;
  function add(key: string, windowSeconds: number, amount: number): Counted {
    const open = windows.get(key);
    const counted =
      open && open.resetAt > clock.now()
        ? { count: open.count + amount, resetAt: open.resetAt }
        : { count: amount, resetAt: clock.now() + windowSeconds * 1000 };
    windows.set(key, counted);
    return counted;
  }
  // The answer comes a turn later, as it would over a wire: what is counted has been counted when the trip starts.
  async function trip<T>(answer: T): Promise<T> {
    trips += 1;
    await new Promise((resolve) => setImmediate(resolve));
    return answer;
  }
  return {
    tripCount: () => trips,
    hit: (key, windowSeconds, amount = 1) => trip(add(key, windowSeconds, amount)),
    hitAll: (hits) => trip(hits.map(({ key, windowSeconds }) => add(key, windowSeconds, 1))),
    read: (key) => {
      const open = windows.get(key);
      return trip(open && open.resetAt > clock.now() ? open : undefined);
    },
    clear: async (key) => {
      windows.delete(key);
      await trip(undefined);
    },
  };
}

/** A clock that stands still until it is moved. */
export function movedClock(start = Date.UTC(2026, 10, 23)): Clock & { forward(seconds: number): void } {
  let now = start;
  return {
    now: () => now,
    forward: (seconds) => {
      now += seconds * 1000;
    },
  };
}
