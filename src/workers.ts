/** Several processes on one port. They share nothing but the stores: each is a whole server. */
import cluster, { type Worker } from 'node:cluster';
import type { Settings } from './config/settings.ts';
import type { OpenLog } from './observability/log.ts';
import { openRooms } from './rooms.ts';
import { masterKeysOf } from './server.ts';

/** A process that dies within this time of its start is started again only after as long a pause. */
const SETTLED_MS = 5_000;

/** Migrates once, then keeps `settings.workers` processes running until a signal. */
export async function runWorkers(
  settings: Settings,
  log: OpenLog,
  options: { migrate?: boolean },
): Promise<number> {
  // Opened and closed here, so that a fault of the start is told once and not by every process.
  const rooms = await openRooms({
    settings,
    masterKeys: masterKeysOf(settings),
    log,
    applyMigrations: options.migrate === true,
  });
  await rooms.close();

  const startedAt = new WeakMap<Worker, number>();
  let stopping = false;
  let running = 0;
  let restart: NodeJS.Timeout | undefined;
  const fork = () => {
    startedAt.set(cluster.fork(), Date.now());
    running += 1;
  };
  for (let count = 0; count < settings.workers; count += 1) fork();

  return new Promise((resolve) => {
    cluster.on('exit', (worker, code, signal) => {
      running -= 1;
      if (stopping) {
        if (running === 0) resolve(0);
        return;
      }
      log.error('a process ended and is started again', { pid: worker.process.pid, code, signal });
      const lived = Date.now() - (startedAt.get(worker) ?? 0);
      restart = setTimeout(fork, lived < SETTLED_MS ? SETTLED_MS : 0);
    });
    const stop = (signal: NodeJS.Signals) => {
      if (stopping) return;
      stopping = true;
      clearTimeout(restart);
      if (running === 0) resolve(0);
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
