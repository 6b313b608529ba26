/** The contract of storage/counters.ts: fixed windows, exact under parallel hits. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Backend, backends } from './backends.ts';
import { atOnce } from './builders.ts';

describe.each(backends)('counters $name', ({ open }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend?.close());

  test('200 parallel hits are counted exactly, each number given once', async () => {
    const { counters } = backend;
    const counted = await atOnce(200, () => counters.hit('flood', 60));
    expect(counted.map(({ count }) => count).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, n) => n + 1),
    );
    expect(new Set(counted.map(({ resetAt }) => resetAt)).size).toBe(1);
  });

  test('the window is fixed: later hits do not move its end, and after it the count starts again', async () => {
    const { counters, clock } = backend;
    const first = await counters.hit('window', 60);
    clock.advance(30);
    expect(await counters.hit('window', 60, 5)).toEqual({ count: 6, resetAt: first.resetAt });
    expect(await counters.read('window')).toEqual({ count: 6, resetAt: first.resetAt });
    clock.advance(31);
    expect(await counters.read('window')).toBeUndefined();
    const again = await counters.hit('window', 60);
    expect(again.count).toBe(1);
    expect(again.resetAt).toBeGreaterThan(first.resetAt);
  });

  test('hits together are answered in their order; more than fit one script too; clear forgets', async () => {
    const { counters } = backend;
    await counters.hit('together 3', 60, 41);
    const hits = Array.from({ length: 11 }, (_, n) => ({ key: `together ${n}`, windowSeconds: 60 }));
    const counted = await counters.hitAll(hits);
    expect(counted.map(({ count }) => count)).toEqual([1, 1, 1, 42, 1, 1, 1, 1, 1, 1, 1]);
    expect(await counters.hitAll([])).toEqual([]);
    await counters.clear('together 3');
    expect(await counters.read('together 3')).toBeUndefined();
    expect(await counters.read('never hit')).toBeUndefined();
  });

  test('P3: no key is stored as it was given', async () => {
    const { counters, dump } = backend;
    await counters.hit('somebody@example.org', 600);
    const stored = await dump();
    expect(stored.length).toBeGreaterThan(40);
    expect(stored).not.toContain('somebody');
  });
});
