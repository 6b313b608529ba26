/** The two databases that the rooms of floor 2 and 3 must run on, each opened empty for one test file. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../src/config/secret.ts';
import type { Log } from '../../src/observability/log.ts';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { migrate } from '../../src/storage/migrator.ts';
import { freshDatabase } from '../harness/postgres.ts';

export const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

/** A clock that stands until the test moves it. */
export function standingClock(start = Date.UTC(2026, 0, 1)) {
  let now = start;
  return {
    now: () => now,
    advance: (seconds: number) => {
      now += seconds * 1_000;
    },
  };
}

export interface TestDatabase extends OpenDatabase {
  /** Another process's connection to the same database; Postgres only. */
  another(): Promise<OpenDatabase>;
}

async function embedded(): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cardea-clients-'));
  const database = await openDatabase({ settings: { setup: 'embedded', dataDir }, log: quiet });
  await migrate(database.db);
  return {
    ...database,
    another: () => Promise.reject(new Error('PGlite serves one process')),
    close: async () => {
      await database.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function postgres(): Promise<TestDatabase> {
  const fresh = await freshDatabase('migrated');
  const settings = { setup: 'plain' as const, databaseUrl: new Secret(fresh.url), dataDir: '' };
  const database = await openDatabase({ settings, log: quiet });
  await migrate(database.db);
  const others: OpenDatabase[] = [];
  return {
    ...database,
    another: async () => {
      const other = await openDatabase({ settings, log: quiet });
      others.push(other);
      return other;
    },
    close: async () => {
      for (const open of [...others, database]) await open.close();
      await fresh.drop();
    },
  };
}

export const databases = [
  { name: 'PGlite', open: embedded },
  { name: 'Postgres', open: postgres },
] as const;
