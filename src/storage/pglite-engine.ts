/**
 * PGlite itself, set small, and its one connection behind a queue. Nothing here knows where its directory comes from.
 */
import v8 from 'node:v8';
import type { PGlite } from '@electric-sql/pglite';
import { asCommand, type RawClient, type RawPool } from './guarded-pool.ts';
import { StorageUnavailable } from './unavailable.ts';

/** How long a request waits for the one connection, ms: the same patience as for one of the Postgres pool. */
const ACQUIRE_MS = 2_000;

// Measured (PGlite 0.5.16, node 24): with V8's optimising compiler for WASM the process peaks at 1.1 GB and settles
// at 360 to 500 MB; with the baseline compiler alone at 170 to 220 MB, and the first seconds are as fast. Only the
// three flags together act at run time, and only before the first module is compiled.
const WASM_FLAGS = ['--liftoff-only', '--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];

// Parameters given here replace PGlite's own list, so that list is repeated first.
const PGLITE_PARAMETERS = [
  'search_path=public',
  'exit_on_error=false',
  'log_checkpoints=false',
  'max_worker_processes=0',
  'max_parallel_workers=0',
  'max_parallel_workers_per_gather=0',
  'max_parallel_maintenance_workers=0',
  'io_method=sync',
];
// One connection needs few buffers, and the operating system caches the files anyway. Little WAL keeps the disk small
// and the start after a crash short. Autovacuum has no process to run in: the database's `tidy` does its work.
const SMALL_PARAMETERS = [
  'shared_buffers=4MB',
  'max_connections=5',
  'wal_buffers=64kB',
  'max_wal_senders=0',
  'min_wal_size=2MB',
  'max_wal_size=32MB',
  'work_mem=1MB',
  'maintenance_work_mem=4MB',
  'autovacuum=off',
];
const START_PARAMETERS = [
  ...['--single', '-F', '-O', '-j'],
  ...[...PGLITE_PARAMETERS, ...SMALL_PARAMETERS].flatMap((parameter) => ['-c', parameter]),
];
/** 1 MB a segment instead of 16: a new directory is 20 to 30 MB smaller. */
const INITDB_PARAMETERS = ['--wal-segsize=1'];

/** What a prepared directory depends on besides PGlite's version. */
export const engineShape = JSON.stringify([START_PARAMETERS, INITDB_PARAMETERS]);

/** Starts PGlite on a directory, running initdb when it is empty. The caller holds the lock of that directory. */
export async function startEngine(directory: string): Promise<PGlite> {
  for (const flag of WASM_FLAGS) v8.setFlagsFromString(flag);
  const { PGlite } = await import('@electric-sql/pglite');
  return PGlite.create({
    dataDir: directory,
    startParams: [...START_PARAMETERS],
    initDbStartParams: [...INITDB_PARAMETERS],
  });
}

/**
 * The one connection as a pool of one. A query on the outer `db` inside a transaction would wait for itself: it ends
 * in StorageUnavailable after {@link ACQUIRE_MS} instead of hanging for ever.
 */
export function enginePool(engine: PGlite): RawPool {
  const waiting: { grant: () => void }[] = [];
  let lent = false;

  const giveBack = () => {
    const next = waiting.shift();
    if (next) next.grant();
    else lent = false;
  };
  const lend = (): RawClient => ({
    async query(sql, parameters) {
      const { command, affectedRows, rows } = await engine.query(sql, [...parameters]);
      return { command: asCommand(command), rowCount: affectedRows ?? 0, rows };
    },
    release: giveBack,
  });
  return {
    name: 'pglite',
    close: () => (engine.closed ? Promise.resolve() : engine.close()),
    connect() {
      if (engine.closed) return Promise.reject(new StorageUnavailable('pglite is closed'));
      if (!lent) {
        lent = true;
        return Promise.resolve(lend());
      }
      return new Promise((resolve, reject) => {
        const place = {
          grant: () => {
            clearTimeout(timer);
            resolve(lend());
          },
        };
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(place), 1);
          reject(new StorageUnavailable(`the one connection of pglite was not free for ${ACQUIRE_MS} ms`));
        }, ACQUIRE_MS);
        waiting.push(place);
      });
    },
  };
}
