/** Empty migrated databases for the tests of this room: one on the test Postgres, one in the process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../src/config/secret.ts';
import type { Log } from '../../src/observability/log.ts';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { migrate } from '../../src/storage/migrator.ts';
import { createSealing } from '../../src/storage/sealing.ts';
import { freshDatabase } from '../harness/postgres.ts';

export const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

export const sealing = createSealing([new Secret('a master key for tests, of 40 characters')]);

export function movableClock(): { now(): number; advance(seconds: number): void } {
  let moved = 0;
  return {
    now: () => Date.now() + moved,
    advance: (seconds) => {
      moved += seconds * 1000;
    },
  };
}

export interface TestDatabase extends OpenDatabase {
  /** A second process's view: a pool of its own on Postgres, the same connection on PGlite. */
  second(): Promise<OpenDatabase>;
  readonly place: string;
}

export async function newPostgres(): Promise<TestDatabase> {
  const fresh = await freshDatabase('migrated');
  const open = () =>
    openDatabase({
      settings: { setup: 'plain', databaseUrl: new Secret(fresh.url), dataDir: '' },
      log: silent,
    });
  const first = await open();
  const others: OpenDatabase[] = [];
  await migrate(first.db);
  return {
    ...first,
    place: fresh.url,
    second: async () => {
      const other = await open();
      others.push(other);
      return other;
    },
    close: async () => {
      await Promise.all([first, ...others].map((database) => database.close()));
      await fresh.drop();
    },
  };
}

export async function newEmbedded(): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cardea-storesql-'));
  const first = await openDatabase({ settings: { setup: 'embedded', dataDir }, log: silent });
  await migrate(first.db);
  return {
    ...first,
    place: dataDir,
    second: async () => first,
    close: async () => {
      await first.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export const databases = [
  { name: 'on postgres', open: newPostgres },
  { name: 'on embedded', open: newEmbedded },
] as const;
