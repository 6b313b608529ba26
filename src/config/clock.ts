/** Where the time comes from. Rooms take a clock as an argument, so that a test can move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

// Date.now is looked up at every call: a test process that replaces Date moves this clock too.
export const systemClock: Clock = { now: () => Date.now() };
