/**
 * The Postgres inside the process, for the embedded set-up: PGlite on `<dataDir>/db`. A directory serves one process,
 * so its lock is taken first. `kill -9` loses nothing that was acknowledged; a power cut may (fsync is off inside).
 */
import { access, chmod, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../observability/log.ts';
import { lockDataDir } from './data-dir-lock.ts';
import type { RawPool } from './guarded-pool.ts';
import { enginePool, startEngine } from './pglite-engine.ts';
import { buildDirectoryApart, unpackImage } from './pglite-image.ts';

/** @throws DataDirInUse when another process has the directory. */
export async function openPglitePool(o: { dataDir: string; log: Log }): Promise<RawPool> {
  // PGlite writes its files readable by all; the directories above them keep others out.
  await mkdir(o.dataDir, { recursive: true, mode: 0o700 });
  const lock = await lockDataDir(o.dataDir);
  try {
    const directory = join(o.dataDir, 'db');
    if (!(await exists(join(directory, 'PG_VERSION')))) await makeDirectory(o.dataDir, directory, o.log);
    await chmod(directory, 0o700);
    const pool = enginePool(await startEngine(directory));
    return {
      ...pool,
      async close() {
        await pool.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Makes it beside its place and moves it there whole: a start that is killed half-way leaves nothing half made. */
async function makeDirectory(dataDir: string, directory: string, log: Log): Promise<void> {
  const unfinished = join(dataDir, 'db.unfinished');
  await rm(unfinished, { recursive: true, force: true });
  if (!(await unpackImage(unfinished))) {
    log.info('preparing the embedded database; the first start takes some seconds longer');
    await buildDirectoryApart(unfinished);
  }
  await rename(unfinished, directory);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
