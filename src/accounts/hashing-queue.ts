/**
 * A bounded queue before the hashing. Argon2 runs in libuv's pool, which signing and DNS share: unbounded, 50 hashes
 * at once took token p99 from 10 ms to 532 ms; with a bound of one less than the cores or the pool, 12 to 18 ms
 * (ENGINE.md section 11). What does not fit, or has waited too long, is answered `busy` instead of kept in memory.
 *
 * Two lanes: strangers, and browsers that have signed in before. A quarter of the places and every second turn belong
 * to the latter, so that a storm of strangers slows known people by one hash and not by the whole queue.
 */
import { availableParallelism } from 'node:os';
import type { Clock } from '../config/clock.ts';

export type Lane = 'stranger' | 'known';
export type Queued<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

export interface HashingQueue {
  run<T>(lane: Lane, work: () => Promise<T>): Promise<Queued<T>>;
  /** Waiting and running now. */
  depth(): number;
}

interface Waiting {
  readonly since: number;
  start(): void;
  shed(): void;
}

/** libuv's default (UV_THREADPOOL_SIZE); ENGINE.md section 11 says why it is left alone. */
const POOL_SIZE = 4;

/** One less than what can truly run at once, so that a thread is left for signing. */
export function defaultConcurrency(cores: number = availableParallelism()): number {
  return Math.max(1, Math.min(cores, POOL_SIZE) - 1);
}

/**
 * `concurrency` hashes at once (0 = `defaultConcurrency()`), at most `length` waiting, none longer than `seconds`.
 * Age is looked at whenever a hash ends: tens of milliseconds apart, so that no timer is needed.
 */
export function createHashingQueue(options: {
  clock: Clock;
  concurrency: number;
  length: number;
  seconds: number;
}): HashingQueue {
  const { clock, length, seconds } = options;
  const concurrency = options.concurrency > 0 ? options.concurrency : defaultConcurrency();
  const strangerPlaces = length - Math.ceil(length / 4);
  const lanes: Record<Lane, Waiting[]> = { stranger: [], known: [] };
  let running = 0;
  let lastTurn: Lane = 'stranger';

  function waiting(): number {
    return lanes.stranger.length + lanes.known.length;
  }

  function isFull(lane: Lane): boolean {
    if (lane === 'stranger' && lanes.stranger.length >= strangerPlaces) return true;
    return waiting() >= length;
  }

  function next(): Waiting | undefined {
    const oldest = clock.now() - seconds * 1000;
    for (const lane of Object.values(lanes)) {
      while (lane[0] !== undefined && lane[0].since < oldest) lane.shift()?.shed();
    }
    const order: readonly Lane[] = lastTurn === 'known' ? ['stranger', 'known'] : ['known', 'stranger'];
    const turn = order.find((lane) => lanes[lane].length > 0);
    if (turn === undefined) return undefined;
    lastTurn = turn;
    return lanes[turn].shift();
  }

  function leave(): void {
    running -= 1;
    next()?.start();
  }

  async function hold<T>(work: () => Promise<T>): Promise<Queued<T>> {
    running += 1;
    try {
      return { kind: 'done', value: await work() };
    } finally {
      leave();
    }
  }

  return {
    depth: () => running + waiting(),
    run<T>(lane: Lane, work: () => Promise<T>): Promise<Queued<T>> {
      if (running < concurrency) return hold(work);
      // A full queue empties in about `seconds`, which is what it is sized for.
      const busy = { kind: 'busy', retryAfterSeconds: Math.max(1, Math.ceil(seconds)) } as const;
      if (isFull(lane)) return Promise.resolve(busy);
      return new Promise<Queued<T>>((resolve, reject) => {
        lanes[lane].push({
          since: clock.now(),
          start: () => void hold(work).then(resolve, reject),
          shed: () => resolve(busy),
        });
      });
    },
  };
}
