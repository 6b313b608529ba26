/**
 * How expired rows go where strangers may make many: batch after batch while they come back full, so that a rush is
 * behind in one round and not in hours. Each batch holds its locks for some milliseconds; between two of them others
 * have their turn.
 */
import { setImmediate } from 'node:timers/promises';

/** Rows of one statement. */
export const SWEEP_ROWS = 1_000;
/** 20,000 rows a call: called every minute, that keeps up with 330 new rows a second. */
export const SWEEP_BATCHES = 20;

/** @param batch deletes at most so many rows, and says how many it did. @returns how many went in all */
export async function sweepInRounds(batch: (rows: number) => Promise<number>): Promise<number> {
  let total = 0;
  for (let round = 0; round < SWEEP_BATCHES; round += 1) {
    const gone = await batch(SWEEP_ROWS);
    total += gone;
    if (gone < SWEEP_ROWS) break;
    await setImmediate();
  }
  return total;
}
