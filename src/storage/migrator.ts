/**
 * Forward-only migrations. They are read from `migrations/` at the root of the repository, in the order of their
 * names; each runs in a transaction together with the note that it ran.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Database } from './tables.ts';
import { StorageUnavailable } from './unavailable.ts';

export const migrationsDirectory = fileURLToPath(new URL('../../migrations/', import.meta.url));

// Kysely's lock makes the others wait while one process migrates, and a waiting statement ends at its time limit:
// asking again for two minutes lets a slow migration of another process finish.
const PATIENCE_MS = 120_000;
const ASK_AGAIN_MS = 500;

/** Applies what is pending and answers the names. Safe when several processes do so at once. */
export async function migrate(db: Kysely<Database>): Promise<readonly string[]> {
  const startedAt = performance.now();
  for (;;) {
    const { error, results } = await migratorFor(db).migrateToLatest();
    if (error === undefined) {
      return (results ?? [])
        .filter(({ status }) => status === 'Success')
        .map(({ migrationName }) => migrationName);
    }
    const mayWait = error instanceof StorageUnavailable && performance.now() - startedAt < PATIENCE_MS;
    if (!mayWait) throw error;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

/** Names of the migrations that this version brings and this database has not seen, in their order. */
export async function pendingMigrations(db: Kysely<Database>): Promise<readonly string[]> {
  const all = await migratorFor(db).getMigrations();
  return all.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name);
}

function migratorFor(db: Kysely<Database>): Migrator {
  return new Migrator({ db, provider: { getMigrations: readMigrations } });
}

async function readMigrations(): Promise<Record<string, Migration>> {
  const migrations: Record<string, Migration> = {};
  for (const file of (await readdir(migrationsDirectory)).sort()) {
    // A file that was left out for its name would be missed much later, by a statement.
    if (!/^\d{4}_[a-z-]+\.ts$/.test(file)) throw new Error(`migrations/${file} is no migration's name`);
    const module: unknown = await import(pathToFileURL(join(migrationsDirectory, file)).href);
    if (!isMigration(module)) throw new Error(`migrations/${file} does not export up()`);
    migrations[file.replace(/\.ts$/, '')] = module;
  }
  return migrations;
}

function isMigration(module: unknown): module is Migration {
  return typeof module === 'object' && module !== null && 'up' in module && typeof module.up === 'function';
}
