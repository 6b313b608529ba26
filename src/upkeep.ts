/** What has to happen now and then: expired rows go, in bounded batches, and never two rounds at once. */
import type { Rooms } from './rooms.ts';
import { sweepExpired } from './storage/artifact-sweep.ts';

/** Expired rows are invisible at once; a minute only decides how much room they take. */
const EVERY_MS = 60_000;

export function createUpkeep({ clients, clock, database, log, keys }: Rooms): {
  start(): void;
  close(): Promise<void>;
} {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let busy = false;

  async function round(): Promise<void> {
    await sweepExpired(database.db, clock);
    await keys.tick();
    await clients.deleteExpiredSecrets();
    await database.tidy();
  }

  return {
    start() {
      timer = setInterval(() => {
        if (busy) return;
        busy = true;
        running = round()
          .catch((error: unknown) => log.warn('upkeep was put off', { fault: String(error) }))
          .finally(() => {
            busy = false;
          });
      }, EVERY_MS);
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}
