/**
 * A bounded buffer that is written in batches, for records that no request waits for. While the database is away it
 * keeps what fits and tries again; what does not fit is dropped and counted, so that memory stays bounded.
 */
import type { Log } from '../observability/log.ts';
import { isConnectionFault } from '../storage/unavailable.ts';

export interface Batch<T> {
  add(item: T): void;
  /** Writes what is there now; resolves also when the database is away (it is tried again). */
  flush(): Promise<void>;
  /** Stops the timer and writes what is left, once. */
  close(): Promise<void>;
  pending(): readonly T[];
  droppedCount(): number;
}

export interface BatchOptions<T> {
  /** One insert for all of them. */
  write(items: readonly T[]): Promise<void>;
  /** What is kept is named so in the log. */
  name: string;
  log: Log;
  /** 200 ms: what a crash may lose. Shorter makes more and smaller inserts, longer loses more. */
  flushMs?: number;
  /**
   * 20,000: about 10 MB, and seven seconds of token issuance at 3,000 a second while the database is away. More only
   * delays the loss.
   */
  max?: number;
}

/** One insert holds no more than this, so that a long outage ends in several short statements. */
const BATCH_SIZE = 2_000;

export function createBatch<T>({ write, name, log, flushMs = 200, max = 20_000 }: BatchOptions<T>): Batch<T> {
  let waiting: T[] = [];
  let inFlight: readonly T[] = [];
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let dropped = 0;
  let droppedLogged = 0;

  function drop(count: number): void {
    dropped += count;
  }

  function reportDrops(): void {
    if (dropped === droppedLogged) return;
    log.warn(`${name}: records were lost`, { lost: dropped - droppedLogged, total: dropped });
    droppedLogged = dropped;
  }

  // The timer exists only while something waits: an idle process does nothing.
  function schedule(): void {
    if (timer || closed) return;
    timer = setTimeout(() => {
      timer = undefined;
      void flush();
    }, flushMs);
    timer.unref();
  }

  /** What could not be written now is tried again, as far as there is room for it. */
  function putBack(items: readonly T[]): void {
    const room = Math.max(0, max - waiting.length);
    drop(Math.max(0, items.length - room));
    waiting = [...items.slice(0, room), ...waiting];
  }

  /**
   * Writes the next batch. A record that no table takes must not take the others with it: halving finds it in about
   * twenty statements, and only it is dropped.
   * @returns whether to go on with the batch after
   */
  async function writeOne(): Promise<boolean> {
    let pieces = [waiting.slice(0, BATCH_SIZE)];
    waiting = waiting.slice(BATCH_SIZE);
    try {
      for (let [piece, ...rest] = pieces; piece; [piece, ...rest] = pieces) {
        inFlight = pieces.flat();
        try {
          await write(piece);
          pieces = rest;
        } catch (err) {
          if (isConnectionFault(err)) {
            putBack(inFlight);
            return false;
          }
          const middle = Math.ceil(piece.length / 2);
          pieces = piece.length > 1 ? [piece.slice(0, middle), piece.slice(middle), ...rest] : rest;
          if (piece.length > 1) continue;
          drop(1);
          log.error(`${name}: a record could not be written`, { err });
        }
      }
      return true;
    } finally {
      inFlight = [];
    }
  }

  /**
   * Writes what is there now. What comes meanwhile waits for its own turn: a busy process would otherwise write without
   * a pause, a handful of records at a time.
   */
  async function run(): Promise<void> {
    for (let left = waiting.length; left > 0; left -= BATCH_SIZE) if (!(await writeOne())) break;
    reportDrops();
    if (waiting.length > 0) schedule();
  }

  async function flush(): Promise<void> {
    // What was added during a running flush is written by the next one.
    while (running) await running;
    if (waiting.length === 0) return;
    running = run().finally(() => {
      running = undefined;
    });
    await running;
  }

  return {
    add(item) {
      if (waiting.length >= max) return drop(1);
      waiting.push(item);
      schedule();
    },
    flush,
    async close() {
      closed = true;
      clearTimeout(timer);
      timer = undefined;
      await flush();
      drop(waiting.length);
      waiting = [];
      reportDrops();
    },
    pending: () => [...inFlight, ...waiting],
    droppedCount: () => dropped,
  };
}
