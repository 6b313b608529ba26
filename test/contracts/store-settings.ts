/** Log, sealing and clock for tests of the stores, alike in every process of a test. */
import { Secret } from '../../src/config/secret.ts';
import { createSealing } from '../../src/storage/sealing.ts';

export const silentLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

export const testSealing = createSealing([new Secret('a master key for tests, of 40 characters')]);

export interface TestClock {
  now(): number;
  advance(seconds: number): void;
}

export function testClock(): TestClock {
  let moved = 0;
  return {
    now: () => Date.now() + moved,
    advance: (seconds) => {
      moved += seconds * 1000;
    },
  };
}
