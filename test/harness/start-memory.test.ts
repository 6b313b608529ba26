import { getHeapSpaceStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { releaseStartMemory } from '../../src/start-memory.ts';

const youngBytes = () =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;

test('what a start filled is given back, and no collector is left in reach', () => {
  // As much as loading the code leaves: what lives a while makes V8 widen the young generation.
  let kept: unknown[] = [];
  for (let n = 0; n < 2_000_000; n += 1) {
    kept.push({ n });
    if (kept.length > 100_000) kept = [];
  }
  const wide = youngBytes();
  expect(wide).toBeGreaterThan(4 * 1024 * 1024);
  releaseStartMemory();
  expect(youngBytes()).toBeLessThan(wide / 4);
  expect('gc' in globalThis).toBe(false);
});
