import { describe, expect, it } from 'vitest';
import { createHashingQueue, defaultConcurrency, type Lane } from '../../src/accounts/hashing-queue.ts';
import { standingClock } from '../clients/databases.ts';

/** Work that ends when the test says so. */
function setUp(options: { concurrency?: number; length?: number; seconds?: number } = {}) {
  const clock = standingClock();
  const queue = createHashingQueue({ clock, concurrency: 1, length: 8, seconds: 5, ...options });
  const started: string[] = [];
  const enders: (() => void)[] = [];
  const run = (lane: Lane, name: string) =>
    queue.run(lane, () => {
      started.push(name);
      return new Promise<string>((resolve) => enders.push(() => resolve(name)));
    });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  async function endNext() {
    enders.shift()?.();
    await turn();
  }
  return { clock, queue, started, run, endNext };
}

describe('A13 the hashing queue', () => {
  it('runs as many at once as it may, in their order', async () => {
    const { run, started, endNext, queue } = setUp({ concurrency: 2 });
    const all = ['a', 'b', 'c', 'd'].map((name) => run('stranger', name));
    expect(started).toEqual(['a', 'b']);
    await endNext();
    expect(started).toEqual(['a', 'b', 'c']);
    for (let i = 0; i < 3; i += 1) await endNext();
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd'].map((value) => ({ kind: 'done', value })));
    expect(queue.depth()).toBe(0);
  });

  it('keeps places and every second turn for known browsers', async () => {
    const { run, started, endNext } = setUp();
    for (let i = 0; i < 7; i += 1) void run('stranger', `s${i}`);
    expect(await run('stranger', 'one too many')).toEqual({ kind: 'busy', retryAfterSeconds: 5 });
    void run('known', 'k0');
    void run('known', 'k1');
    expect(await run('known', 'one too many')).toMatchObject({ kind: 'busy' });
    for (let i = 0; i < 5; i += 1) await endNext();
    expect(started).toEqual(['s0', 'k0', 's1', 'k1', 's2', 's3']);
  });

  it('lets known browsers use the places of strangers when they are free', async () => {
    const { run } = setUp();
    void run('known', 'running');
    const waiting = Array.from({ length: 8 }, (_, i) => run('known', `k${i}`));
    expect(await run('known', 'one too many')).toMatchObject({ kind: 'busy' });
    expect(waiting).toHaveLength(8);
  });

  it('sheds what has waited too long, on a moved clock', async () => {
    const { run, endNext, clock, started } = setUp();
    const first = run('stranger', 'first');
    const old = run('stranger', 'old');
    clock.advance(6);
    const young = run('stranger', 'young');
    await endNext();
    expect(await old).toEqual({ kind: 'busy', retryAfterSeconds: 5 });
    await endNext();
    expect(await first).toEqual({ kind: 'done', value: 'first' });
    expect(await young).toEqual({ kind: 'done', value: 'young' });
    expect(started).toEqual(['first', 'young']);
  });

  it('goes on after work that throws', async () => {
    const { queue } = setUp();
    const broken = queue.run('stranger', () => Promise.reject(new Error('broken')));
    const next = queue.run('stranger', async () => 'next');
    await expect(broken).rejects.toThrow('broken');
    expect(await next).toEqual({ kind: 'done', value: 'next' });
    expect(queue.depth()).toBe(0);
  });

  it('leaves a thread for signing', () => {
    expect([1, 2, 3, 4, 8, 64].map((cores) => defaultConcurrency(cores))).toEqual([1, 1, 2, 3, 3, 3]);
  });
});
