import { expect, it } from 'vitest';
import { createBatch } from '../../src/audit/batch.ts';
import { StorageUnavailable } from '../../src/storage/unavailable.ts';
import { quiet } from '../clients/databases.ts';

it('keeps what it has while the database is away, drops what does not fit, and writes the rest afterwards', async () => {
  const written: number[] = [];
  let away = true;
  const write = async (items: readonly number[]) => {
    if (away) throw new StorageUnavailable('away');
    written.push(...items);
  };
  const batch = createBatch<number>({ write, name: 'test', log: quiet, max: 4, flushMs: 60_000 });
  for (const n of [1, 2, 3]) batch.add(n);
  await batch.flush();
  expect(batch.pending()).toEqual([1, 2, 3]);
  for (const n of [4, 5, 6]) batch.add(n);
  expect(batch.droppedCount()).toBe(2);
  away = false;
  await batch.flush();
  expect(written).toEqual([1, 2, 3, 4]);
});

it('a record that can never be written is dropped and counted, and it alone', async () => {
  const written: number[] = [];
  let statements = 0;
  const write = async (items: readonly number[]) => {
    statements += 1;
    if (items.includes(700)) throw new Error('violates a constraint');
    written.push(...items);
  };
  const batch = createBatch<number>({ write, name: 'test', log: quiet, flushMs: 60_000 });
  const all = Array.from({ length: 1_000 }, (_, n) => n);
  for (const n of all) batch.add(n);
  await batch.flush();
  expect(batch.pending()).toEqual([]);
  expect(batch.droppedCount()).toBe(1);
  expect(written).toEqual(all.filter((n) => n !== 700));
  expect(statements).toBeLessThan(25);
});

it('a database that goes away in the middle of that loses nothing', async () => {
  const written: number[] = [];
  let statements = 0;
  const write = async (items: readonly number[]) => {
    statements += 1;
    if (statements === 4) throw new StorageUnavailable('away');
    if (items.includes(2)) throw new Error('violates a constraint');
    written.push(...items);
  };
  const batch = createBatch<number>({ write, name: 'test', log: quiet, flushMs: 60_000 });
  for (const n of [1, 2, 3, 4, 5]) batch.add(n);
  await batch.flush();
  await batch.flush();
  expect(written.toSorted()).toEqual([1, 3, 4, 5]);
  expect(batch.droppedCount()).toBe(1);
});

it('what is added while a batch is being written goes with the next one, once', async () => {
  const written: number[] = [];
  const { promise: gate, resolve: release } = Promise.withResolvers<void>();
  const write = async (items: readonly number[]) => {
    await gate;
    written.push(...items);
  };
  const batch = createBatch<number>({ write, name: 'test', log: quiet, flushMs: 60_000 });
  batch.add(1);
  const first = batch.flush();
  batch.add(2);
  const second = batch.flush();
  expect(batch.pending()).toEqual([1, 2]);
  release();
  await Promise.all([first, second]);
  await batch.close();
  expect(written).toEqual([1, 2]);
});

it('closing counts what could not be written', async () => {
  const write = async () => {
    throw new StorageUnavailable('away');
  };
  const batch = createBatch<number>({ write, name: 'test', log: quiet });
  batch.add(1);
  await batch.close();
  expect(batch.droppedCount()).toBe(1);
});
