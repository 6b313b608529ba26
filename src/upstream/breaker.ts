/**
 * Providers that do not answer. A person waits seconds for one, and so does every other behind the few connections that
 * one host gets; after some in a row the next are told at once, and now and then one of them finds out whether it is back.
 */
import type { Clock } from '../config/clock.ts';

export interface Breaker<T> {
  /** Whether this one is to be told at once. False lets it through, and after a run of failures only it. */
  isOpen(of: T): boolean;
  note(of: T, answered: boolean): void;
}

/** One lost answer is the network's; five in a row are not. */
const FAILURES = 5;
/** A restart there takes longer; a person who tries again does it sooner than in a minute. */
const OPEN_MS = 20_000;

/** Of this process alone: each finds out for itself, for the price of a few people's seconds. */
export function createBreaker<T extends object>(o: { clock: Clock }): Breaker<T> {
  const runs = new WeakMap<T, { failures: number; until: number }>();
  return {
    isOpen(of) {
      const run = runs.get(of);
      if (!run || run.failures < FAILURES) return false;
      const now = o.clock.now();
      if (now < run.until) return true;
      run.until = now + OPEN_MS;
      return false;
    },
    note(of, answered) {
      if (answered) runs.delete(of);
      else {
        const failures = (runs.get(of)?.failures ?? 0) + 1;
        runs.set(of, { failures, until: o.clock.now() + OPEN_MS });
      }
    },
  };
}
