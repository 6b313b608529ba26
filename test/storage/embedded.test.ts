import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataDirInUse, lockDataDir } from '../../src/storage/data-dir-lock.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { migrate, pendingMigrations } from '../../src/storage/migrator.ts';
import { buildDirectoryApart, buildImage } from '../../src/storage/pglite-image.ts';
import { StorageUnavailable } from '../../src/storage/unavailable.ts';
import { silent } from './databases.ts';

const writer = fileURLToPath(new URL('embedded-writer.ts', import.meta.url));
let dataDir: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'cardea-storesql-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(dataDir, { recursive: true, force: true });
});

function start(mode = 'write') {
  const child = spawn(process.execPath, [writer, dataDir, mode], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const lines: string[] = [];
  const errors: string[] = [];
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  child.stderr.on('data', (chunk: Buffer) => errors.push(String(chunk)));
  let ended = false;
  child.once('close', () => {
    ended = true;
    reader.emit('line', '');
  });
  const until = async (wanted: RegExp) => {
    for (;;) {
      const found = lines.find((line) => wanted.test(line));
      if (found) return found;
      if (ended) throw new Error(`ended before ${wanted}: ${errors.join('')}`);
      await once(reader, 'line');
    }
  };
  return { child, lines, errors, until };
}

const open = () => openDatabase({ settings: { setup: 'embedded', dataDir }, log: silent });

test('F1 kill -9 of a writing process loses nothing acknowledged, and the next start works at once', async () => {
  const first = start();
  await first.until(/^acknowledged 300$/);
  first.child.kill('SIGKILL');
  await once(first.child, 'close');
  const acknowledged = first.lines.filter((line) => line.startsWith('acknowledged')).length;

  const database = await open();
  const { rows } = await sql<{ n: number }>`select count(*) as n from claims`.execute(database.db);
  expect(rows[0]?.n).toBeGreaterThanOrEqual(acknowledged);
  expect(await pendingMigrations(database.db)).toEqual([]);
  await database.close();
});

test('a second process is refused by name, and the first goes on', async () => {
  const first = start();
  await first.until(/^acknowledged 1$/);
  const second = start();
  const [code] = await once(second.child, 'close');
  expect(code).toBe(1);
  expect(second.errors.join('')).toContain(`is in use by process ${first.child.pid} on `);
  const before = first.lines.length;
  await first.until(new RegExp(`^acknowledged ${before + 50}$`));
});

test('twenty that start at once: one gets the directory', async () => {
  const taken = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDir(dataDir)));
  const locks = taken.filter((one) => one.status === 'fulfilled').map((one) => one.value);
  expect(locks).toHaveLength(1);
  for (const one of taken) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(DataDirInUse);
  await locks[0]?.release();
  const again = await lockDataDir(dataDir);
  await again.release();
});

test('a holder on another host is believed while its heartbeat goes on, and not when it is long past', async () => {
  const file = join(dataDir, 'lock.json');
  await writeFile(file, JSON.stringify({ pid: 7, host: 'elsewhere' }));
  const beating = setInterval(() => void utimes(file, new Date(), new Date()), 50);
  await expect(lockDataDir(dataDir)).rejects.toThrow('is in use by process 7 on elsewhere');
  clearInterval(beating);
  const long = new Date(Date.now() - 3_600_000);
  await utimes(file, long, long);
  const lock = await lockDataDir(dataDir);
  await lock.release();
});

test('the directories are for their owner only, and what was half made is not taken for a database', async () => {
  await buildDirectoryApart(join(dataDir, 'db.unfinished'));
  expect(await readdir(join(dataDir, 'db.unfinished'))).toContain('PG_VERSION');
  const database = await open();
  await migrate(database.db);
  await database.close();
  expect((await stat(join(dataDir, 'db'))).mode & 0o777).toBe(0o700);
  expect((await readdir(dataDir)).sort()).toEqual(['db']);
});

test('the first start copies the prepared directory when there is one', { timeout: 60_000 }, async () => {
  await buildImage();
  const said: string[] = [];
  const log = { ...silent, info: (message: string) => void said.push(message) };
  const database = await openDatabase({ settings: { setup: 'embedded', dataDir }, log });
  expect(said).toEqual([]);
  expect(await pendingMigrations(database.db)).toEqual([]);
  await database.close();
});

test('a query on the outer db inside a transaction ends in an error, not in waiting for ever', async () => {
  const database = await open();
  await migrate(database.db);
  const inside = database.db.transaction().execute(async (trx) => {
    await sql`insert into claims (key, expires_at) values ('x', now())`.execute(trx);
    await sql`select 1`.execute(database.db);
  });
  await expect(inside).rejects.toThrow(StorageUnavailable);
  const { rows } = await sql`select from claims`.execute(database.db);
  expect(rows).toHaveLength(0);
  await database.close();
});

test('parallel users and transactions take turns; one that is rolled back takes nobody along', async () => {
  const database = await open();
  await migrate(database.db);
  const insert = (key: string) => ({ key, expires_at: new Date() });
  const work = Array.from({ length: 20 }, (_, n) =>
    n % 2
      ? database.db
          .insertInto('claims')
          .values(insert(`single ${n}`))
          .execute()
      : database.db
          .transaction()
          .execute(async (trx) => {
            await trx
              .insertInto('claims')
              .values(insert(`both ${n}`))
              .execute();
            if (n % 4) throw new Error('no');
            await trx
              .insertInto('claims')
              .values(insert(`both ${n} too`))
              .execute();
          })
          .catch((error: Error) => expect(error.message).toBe('no')),
  );
  await Promise.all(work);
  const { rows } = await sql<{ n: number }>`select count(*) as n from claims`.execute(database.db);
  expect(rows[0]?.n).toBe(10 + 5 * 2);
  for (let n = 0; n < 5; n += 1) await database.tidy();
  await database.close();
  await expect(database.ping()).rejects.toThrow();
});

test('memory stays that of the baseline compiler', { timeout: 60_000 }, async () => {
  const first = start('memory');
  await first.until(/^rss/);
  await once(first.child, 'close');
  const second = start('memory');
  const rss = Number((await second.until(/^rss/)).split(' ')[1]);
  // 160 MB measured; 360 to 500 without the flags and the small parameters.
  expect(rss).toBeLessThan(230 * 1024 * 1024);
});
