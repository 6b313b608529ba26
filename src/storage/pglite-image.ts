/**
 * A prepared database directory, made once when the package is installed and copied at the first start: initdb alone
 * costs 1.5 s and 100 MB of memory. It belongs to one version of PGlite, one set of parameters and one set of
 * migrations; when it is not there, the first start makes the directory itself.
 */
import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { access, chmod, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { digest } from './digest.ts';
import { guardPool } from './guarded-pool.ts';
import { migrate, migrationsDirectory } from './migrator.ts';
import { enginePool, engineShape, startEngine } from './pglite-engine.ts';
import type { Database } from './tables.ts';

const cacheDirectory = fileURLToPath(new URL('../../node_modules/.cache/cardea/', import.meta.url));

/** Some seconds on an idle machine; a build that hangs must not hold the start for ever. */
const BUILD_MS = 120_000;

/** Counted up when `buildDirectory` changes what it makes. */
const RECIPE = '2';

/** Copies the image to `target`, which must not exist. False when there is none for this version. */
export async function unpackImage(target: string): Promise<boolean> {
  const image = await imagePath();
  try {
    await access(join(image, 'PG_VERSION'));
  } catch {
    return false;
  }
  // Nothing else runs yet, and the synchronous copy takes 140 ms where the other one takes 340.
  cpSync(image, target, { recursive: true });
  await chmod(target, 0o700);
  return true;
}

/** Makes the image unless it is there, and removes those of other versions. Answers where it is. */
export async function buildImage(): Promise<string> {
  const image = await imagePath();
  if (
    await access(join(image, 'PG_VERSION')).then(
      () => true,
      () => false,
    )
  )
    return image;
  await mkdir(cacheDirectory, { recursive: true });
  for (const name of await readdir(cacheDirectory)) {
    if (name.startsWith('pglite-')) await rm(join(cacheDirectory, name), { recursive: true, force: true });
  }
  const unfinished = `${image}.${process.pid}`;
  await buildDirectory(unfinished);
  await rename(unfinished, image).catch((error: unknown) => removeAndRethrow(unfinished, error));
  return image;
}

/**
 * {@link buildDirectory} in a process of its own: what initdb and the migrations leave in memory, some 150 MB, ends with
 * it instead of staying with the server.
 */
export async function buildDirectoryApart(target: string): Promise<void> {
  const script = `await (await import(${JSON.stringify(import.meta.url)})).buildDirectory(process.argv[1])`;
  // Up to Node 22.17 types are stripped only when asked for (bin/guard.js).
  const flags = process.execArgv.filter((flag) => flag === '--experimental-strip-types');
  await promisify(execFile)(process.execPath, [...flags, '--input-type=module', '--eval', script, target], {
    // Nothing of ours: no secret of the settings, no inspector, no preload.
    env: {},
    timeout: BUILD_MS,
  });
}

/** Runs initdb and all migrations in a new directory. About 2 s. */
export async function buildDirectory(target: string): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  const engine = await startEngine(target);
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: guardPool(enginePool(engine)) }) });
  try {
    await migrate(db);
    await dropTemplates(db);
  } finally {
    await db.destroy();
  }
}

/** Nothing here makes further databases; two thirds of the directory's 1,100 files are these templates. */
async function dropTemplates(db: Kysely<Database>): Promise<void> {
  await sql`update pg_database set datistemplate = false where datname like 'template_'`.execute(db);
  await sql`drop database template0`.execute(db);
  await sql`drop database template1`.execute(db);
  await sql`vacuum`.execute(db);
  await sql`checkpoint`.execute(db);
}

async function imagePath(): Promise<string> {
  const parts = [await pgliteVersion(), engineShape, RECIPE];
  for (const name of (await readdir(migrationsDirectory)).sort()) {
    parts.push(name, await readFile(join(migrationsDirectory, name), 'utf8'));
  }
  return join(cacheDirectory, `pglite-${digest(JSON.stringify(parts)).slice(0, 16)}`);
}

async function pgliteVersion(): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve('@electric-sql/pglite'));
  return digest(await readFile(join(dirname(entry), '..', 'package.json'), 'utf8'));
}

async function removeAndRethrow(path: string, error: unknown): Promise<never> {
  await rm(path, { recursive: true, force: true });
  throw error;
}
