import { describe, expect, it } from 'vitest';
import { defaultLimits, type Limits } from '../../src/config/limits.ts';
import type { Counters } from '../../src/storage/counters.ts';
import { createRequestLimits, type RequestLimits } from '../../src/throttle/request-limits.ts';
import { memoryCounters, movedClock } from './memory-counters.ts';

const limits: Limits = { ...defaultLimits, tokenPerNetwork: { limit: 400, windowSeconds: 60 } };

async function takeMany(from: readonly RequestLimits[], times: number, key = '192.0.2.1'): Promise<number> {
  const takes = Array.from({ length: times }, (_, i) => from[i % from.length]?.take('tokenPerNetwork', key));
  return (await Promise.all(takes)).filter((outcome) => outcome?.kind === 'go').length;
}

describe('request limits', () => {
  it('never let more through than the limit: 500 parallel takes on two processes', async () => {
    const clock = movedClock();
    const counters = memoryCounters(clock);
    const processes = [1, 2].map(() => createRequestLimits({ counters, limits, clock }));
    const gone = await takeMany(processes, 500);
    expect(gone).toBeLessThanOrEqual(400);
    expect(gone).toBeGreaterThanOrEqual(400 - 2 * 20);
    expect(counters.tripCount()).toBeLessThan(500 / 20);
  });

  it('say how long to wait, and open by themselves when the window ends', async () => {
    const clock = movedClock();
    const requests = createRequestLimits({ counters: memoryCounters(clock), limits, clock });
    expect(await takeMany([requests], 500)).toBe(400);
    clock.forward(20);
    expect(await requests.take('tokenPerNetwork', '192.0.2.1')).toEqual({
      kind: 'wait',
      retryAfterSeconds: 40,
    });
    expect(requests.peek('tokenPerNetwork', '192.0.2.1')).toEqual({ kind: 'wait', retryAfterSeconds: 40 });
    expect(await requests.take('tokenPerNetwork', '192.0.2.2')).toEqual({ kind: 'go' });
    clock.forward(40);
    expect(requests.peek('tokenPerNetwork', '192.0.2.1')).toEqual({ kind: 'go' });
    expect(await takeMany([requests], 500)).toBe(400);
  });

  it('cost a hot key less than a command in twenty requests, most of them answered at once', async () => {
    const clock = movedClock();
    const counters = memoryCounters(clock);
    const requests = createRequestLimits({ counters, limits: defaultLimits, clock });
    let atOnce = 0;
    for (let i = 0; i < 6000; i += 1) {
      const outcome = requests.take('tokenPerNetwork', 'hot');
      if (!(outcome instanceof Promise)) atOnce += 1;
      expect((await outcome).kind).toBe('go');
    }
    expect(counters.tripCount()).toBeLessThanOrEqual(6000 / 20);
    expect(atOnce).toBeGreaterThan(5900);
    clock.forward(60);
    const before = counters.tripCount();
    for (let i = 0; i < 1000; i += 1) await requests.take('tokenPerNetwork', 'hot');
    expect(counters.tripCount() - before).toBeLessThanOrEqual(5);
  });

  it('leave the permits to the others: one request takes one', async () => {
    const clock = movedClock();
    const counters = memoryCounters(clock);
    const small: Limits = { ...defaultLimits, failedClientAuthPerNetwork: { limit: 3, windowSeconds: 60 } };
    const processes = [1, 2, 3].map(() => createRequestLimits({ counters, limits: small, clock }));
    for (const one of processes) {
      expect(await one.take('failedClientAuthPerNetwork', 'n')).toEqual({ kind: 'go' });
    }
    for (const one of processes) {
      expect(await one.take('failedClientAuthPerNetwork', 'n')).toMatchObject({ kind: 'wait' });
    }
  });

  it('keep a bounded number of keys; a key that was pushed out gains nothing', async () => {
    const clock = movedClock();
    const counters = memoryCounters(clock);
    const requests = createRequestLimits({ counters, limits, clock, maxKeys: 10 });
    let gone = 0;
    for (let round = 0; round < 60; round += 1) {
      gone += await takeMany([requests], 10, 'victim');
      for (let i = 0; i < 20; i += 1) await requests.take('tokenPerNetwork', `other ${round} ${i}`);
    }
    expect(gone).toBeLessThanOrEqual(400);
  });

  it('keep names apart, whatever a key holds (A17)', async () => {
    const clock = movedClock();
    const keys = new Set<string>();
    const counters: Counters = {
      ...memoryCounters(clock),
      hit: async (key) => {
        keys.add(key);
        return { count: 1, resetAt: clock.now() + 1000 };
      },
    };
    const requests = createRequestLimits({ counters, limits, clock });
    await requests.take('tokenPerNetwork', 'a","b');
    await requests.take('tokenPerNetwork', 'a');
    await requests.take('tokenPerClient', 'a');
    await requests.take('tokenPerClient', 'a\u0000b:{x}');
    expect(keys.size).toBe(4);
  });

  it('hand a fault of the store to every caller that waits, and recover', async () => {
    const clock = movedClock();
    const good = memoryCounters(clock);
    let broken = true;
    const counters: Counters = {
      ...good,
      hit: (...hit) => (broken ? Promise.reject(new Error('store is away')) : good.hit(...hit)),
    };
    const requests = createRequestLimits({ counters, limits, clock });
    const all = await Promise.allSettled([1, 2, 3].map(() => requests.take('tokenPerNetwork', 'k')));
    expect(all.map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected']);
    broken = false;
    expect(await requests.take('tokenPerNetwork', 'k')).toEqual({ kind: 'go' });
  });

  it('answer even when this clock runs ahead of the store by more than the window', async () => {
    const clock = movedClock();
    const behind = { now: () => clock.now() - 120_000 };
    const requests = createRequestLimits({ counters: memoryCounters(behind), limits, clock });
    expect(await requests.take('tokenPerNetwork', 'k')).toEqual({ kind: 'go' });
  });
});
