import { readdir } from 'node:fs/promises';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { migrate, migrationsDirectory, pendingMigrations } from '../../src/storage/migrator.ts';
import { databases, newPostgres } from './databases.ts';

test('three processes that migrate at once: each step once, all three content', async () => {
  const database = await newPostgres();
  const others = [await database.second(), await database.second()];
  await sql`drop schema public cascade`.execute(database.db);
  await sql`create schema public`.execute(database.db);
  const all = await pendingMigrations(database.db);
  expect(all[0]).toBe('0001_storage');
  const done = await Promise.all([database, ...others].map(({ db }) => migrate(db)));
  expect(done.flat().sort()).toEqual([...all].sort());
  expect(await pendingMigrations(database.db)).toEqual([]);
  await database.close();
});

test.each(databases)(
  'every file of migrations/ is applied $name, and again does nothing',
  async ({ open }) => {
    const database = await open();
    expect(await migrate(database.db)).toEqual([]);
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(
      database.db,
    );
    const files = (await readdir(migrationsDirectory)).sort().map((file) => file.replace('.ts', ''));
    expect(rows.map(({ name }) => name)).toEqual(files);
    await database.close();
  },
);
