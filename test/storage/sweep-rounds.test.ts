/** A rush of rows is behind in one round, and a round has an end. */
import { expect, test } from 'vitest';
import { SWEEP_BATCHES, SWEEP_ROWS, sweepInRounds } from '../../src/storage/sweep-rounds.ts';

test('it goes on while batches come back full and stops at its bound', async () => {
  const rushOf = (rows: number) => {
    let left = rows;
    const asked: number[] = [];
    const batch = async (most: number) => {
      asked.push(most);
      const gone = Math.min(most, left);
      left -= gone;
      return gone;
    };
    return { batch, asked, left: () => left };
  };
  const quiet = rushOf(0);
  expect([await sweepInRounds(quiet.batch), quiet.asked]).toEqual([0, [SWEEP_ROWS]]);
  const rush = rushOf(2 * SWEEP_ROWS + 1);
  expect([await sweepInRounds(rush.batch), rush.asked.length]).toEqual([2 * SWEEP_ROWS + 1, 3]);
  const flood = rushOf(2 * SWEEP_BATCHES * SWEEP_ROWS);
  expect(await sweepInRounds(flood.batch)).toBe(SWEEP_BATCHES * SWEEP_ROWS);
  expect(flood.left()).toBe(SWEEP_BATCHES * SWEEP_ROWS);
});

test('another turn of the loop comes between two batches', async () => {
  const order: string[] = [];
  await sweepInRounds(async (most) => {
    order.push('batch');
    if (order.length > 3) return 0;
    setImmediate(() => order.push('others'));
    return most;
  });
  expect(order).toEqual(['batch', 'others', 'batch', 'others', 'batch']);
});
