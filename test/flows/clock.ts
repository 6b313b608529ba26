/** A clock of this process that a test moves: everything here, the server too, sees the moved time; timers do not. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface MovedClock {
  /** Seconds forward, or backward when negative, from where it stands. */
  move(seconds: number): void;
  /** Back to real time. */
  reset(): void;
}

/** Call once in a test file, before the server starts. */
export async function moveClock(): Promise<MovedClock> {
  const file = join(mkdtempSync(join(tmpdir(), 'cardea-clock-')), 'offset');
  let offset = 0;
  const write = () => writeFileSync(file, String(offset).padEnd(32));
  write();
  process.env.TEST_CLOCK_FILE = file;
  await import('../harness/clock-preload.ts');
  return {
    move(seconds) {
      offset += seconds * 1000;
      write();
    },
    reset() {
      offset = 0;
      write();
    },
  };
}
