/**
 * Rate limits of the endpoints: fixed windows shared by all processes, without a trip a request. A process takes
 * permits from the shared counter in batches and spends them by itself. What all processes together take never
 * exceeds the limit, because a batch is counted when it is taken; what a process has taken and not spent when the
 * window ends is lost, so that the limit may bite early, by at most a batch (a twentieth of the limit) a process.
 */
import type { Clock } from '../config/clock.ts';
import type { Limits } from '../config/limits.ts';
import type { Counters } from '../storage/counters.ts';
import type { ThrottleOutcome } from './sign-in-throttle.ts';

export interface RequestLimits {
  /** One permit of the window of `key`: at once when this process still holds some, else after a trip. */
  take(name: keyof Limits, key: string): ThrottleOutcome | Promise<ThrottleOutcome>;
  /** What this process knows without asking: `wait` only when the window is known to be spent. Takes nothing. */
  peek(name: keyof Limits, key: string): ThrottleOutcome;
}

interface Window {
  permits: number;
  /** Milliseconds since the epoch; infinite before the window's first trip. */
  resetAt: number;
  spent: boolean;
  /** How many to take next: doubles with every trip, so that a key seen once costs others nothing. */
  batch: number;
  /** Permits taken in this window, by this process. */
  taken: number;
  /** Requests that wait for the trip under way. */
  waiting: number;
  trip?: Promise<void> | undefined;
}

/** A batch is at most this part of the limit, so that processes do not starve each other, */
const LARGEST_PART = 20;
/** and at most this many: 60,000 a minute then costs one command in a second or so. */
const LARGEST_BATCH = 1000;
/** 20,000 keys of about 200 bytes are 4 MB. A key that is pushed out loses its permits, never gains any. */
const MAX_KEYS = 20_000;
const GO: ThrottleOutcome = { kind: 'go' };

export function createRequestLimits({
  counters,
  limits,
  clock,
  maxKeys = MAX_KEYS,
}: {
  counters: Counters;
  limits: Limits;
  clock: Clock;
  maxKeys?: number;
}): RequestLimits {
  /** In the order of their last trip: the first is the one to push out. */
  const windows = new Map<string, Window>();

  function windowOf(name: keyof Limits, key: string): Window {
    const id = `${name}\n${key}`;
    let window = windows.get(id);
    if (!window) {
      window = {
        permits: 0,
        resetAt: Number.POSITIVE_INFINITY,
        spent: false,
        batch: 1,
        taken: 0,
        waiting: 0,
      };
      windows.set(id, window);
      const [oldest] = windows.keys();
      if (windows.size > maxKeys && oldest !== undefined) windows.delete(oldest);
    }
    if (window.resetAt <= clock.now()) reopen(window, largestBatch(limits[name].limit));
    return window;
  }

  /** A busy key starts its next window with a quarter of what it has just used, instead of with one. */
  function reopen(window: Window, largest: number): void {
    const used = window.taken - window.permits;
    window.batch = Math.min(largest, Math.max(1, Math.floor(used / 4)));
    window.permits = 0;
    window.taken = 0;
    window.spent = false;
    window.resetAt = Number.POSITIVE_INFINITY;
  }

  function answer(window: Window): ThrottleOutcome | undefined {
    if (window.permits > 0) {
      window.permits -= 1;
      return GO;
    }
    return window.spent ? waitFor(window) : undefined;
  }

  function waitFor(window: Window): ThrottleOutcome {
    return { kind: 'wait', retryAfterSeconds: Math.max(1, Math.ceil((window.resetAt - clock.now()) / 1000)) };
  }

  async function fetchBatch(name: keyof Limits, key: string, window: Window): Promise<void> {
    const { limit, windowSeconds } = limits[name];
    const amount = Math.min(limit, Math.max(window.batch, window.waiting));
    const { count, resetAt } = await counters.hit(
      JSON.stringify(['request', name, key]),
      windowSeconds,
      amount,
    );
    const granted = Math.max(0, Math.min(amount, limit - (count - amount)));
    window.batch = Math.min(2 * window.batch, largestBatch(limit));
    // A trip that crossed the end of the window brings permits of the new one.
    if (resetAt !== window.resetAt) window.permits = 0;
    window.permits += granted;
    window.taken += granted;
    window.resetAt = resetAt;
    window.spent = granted < amount;
    const id = `${name}\n${key}`;
    if (windows.delete(id)) windows.set(id, window);
  }

  /** One trip at a time a key: whoever comes meanwhile waits for it, and is counted into the next batch. */
  async function takeSlowly(name: keyof Limits, key: string): Promise<ThrottleOutcome> {
    let window = windowOf(name, key);
    for (;;) {
      window.waiting += 1;
      window.trip ??= fetchBatch(name, key, window).finally(() => {
        window.trip = undefined;
      });
      try {
        await window.trip;
      } finally {
        window.waiting -= 1;
      }
      // First the window that the trip was for, even if it has just ended: a clock that runs ahead of the store's must
      // not send the request round and round.
      const known = answer(window);
      if (known) return known;
      window = windowOf(name, key);
    }
  }

  return {
    take(name, key) {
      return answer(windowOf(name, key)) ?? takeSlowly(name, key);
    },
    peek(name, key) {
      const window = windows.get(`${name}\n${key}`);
      if (window === undefined || window.permits > 0 || window.resetAt <= clock.now()) return GO;
      return window.spent ? waitFor(window) : GO;
    },
  };
}

function largestBatch(limit: number): number {
  return Math.max(1, Math.min(LARGEST_BATCH, Math.floor(limit / LARGEST_PART)));
}
