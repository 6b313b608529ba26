import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { createSqlArtifacts } from '../../src/storage/artifacts-sql.ts';
import { createLease } from '../../src/storage/changes.ts';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { newId } from '../../src/storage/ids.ts';
import { StorageUnavailable } from '../../src/storage/unavailable.ts';
import { movableClock, newPostgres, sealing, silent, type TestDatabase } from './databases.ts';

/** A wire to the database that can be cut, and frozen: then it is open and carries nothing. */
async function openWire(target: URL) {
  const sockets = new Set<Socket>();
  let frozen = false;
  const listener = (near: Socket) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => {
        if (!frozen) to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  };
  let server: Server | undefined;
  let port = 0;
  const mend = async () => {
    frozen = false;
    server = createServer(listener).listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address) port = address.port;
  };
  const cut = async () => {
    const closing = server && once(server, 'close');
    server?.close();
    for (const socket of sockets) socket.destroy();
    await closing;
  };
  await mend();
  const url = new URL(target);
  url.port = String(port);
  return {
    url: url.href,
    mend,
    cut,
    freeze: (on: boolean) => {
      frozen = on;
    },
  };
}

let direct: TestDatabase;
let wire: Awaited<ReturnType<typeof openWire>>;
let database: OpenDatabase;

beforeEach(async () => {
  direct = await newPostgres();
  wire = await openWire(new URL(direct.place));
  const settings = { setup: 'plain' as const, databaseUrl: new Secret(wire.url), dataDir: '' };
  database = await openDatabase({ settings, log: silent });
});
afterEach(async () => {
  await database.close();
  await wire.cut();
  await direct.close();
});

const insert = () =>
  sql`insert into claims (key, expires_at) values (gen_random_uuid(), now())`.execute(database.db);

test('F3 a cut wire is StorageUnavailable at once, and heals with the first question after it is mended', async () => {
  await Promise.all(Array.from({ length: 5 }, insert));
  await wire.cut();
  const artifacts = createSqlArtifacts({ db: database.db, sealing, clock: movableClock() });
  const startedAt = performance.now();
  for (const question of [
    () => database.ping(),
    () => artifacts.find('Grant', newId('Grant')),
    () => artifacts.claim('s', 'v', Date.now() + 1000),
    () => artifacts.put({ kind: 'Grant', id: newId('Grant'), payload: {}, ttlSeconds: 9 }),
    () => database.db.transaction().execute((trx) => sql`select 1`.execute(trx)),
  ]) {
    await expect(question()).rejects.toThrow(StorageUnavailable);
  }
  expect(performance.now() - startedAt).toBeLessThan(2_500);
  await wire.mend();
  await database.ping();
});

test('F3 a frozen server: the answer "not now" comes within seconds, and everything goes on after the thaw', async () => {
  await database.ping();
  wire.freeze(true);
  const startedAt = performance.now();
  const asked = await Promise.allSettled(Array.from({ length: 30 }, () => database.ping()));
  for (const one of asked) expect(one).toMatchObject({ reason: expect.any(StorageUnavailable) });
  expect(performance.now() - startedAt).toBeLessThan(8_000);
  wire.freeze(false);
  const thawedAt = performance.now();
  await database.ping();
  expect(performance.now() - thawedAt).toBeLessThan(5_000);
});

test('F3 connections that the server ends, in use or idle, do not end the process, and the pool heals at once', async () => {
  const kill = () =>
    sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`.execute(direct.db);
  await Promise.all(Array.from({ length: 5 }, () => database.ping()));
  const inTransaction = database.db.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx);
    await kill();
    await sql`select 1`.execute(trx);
  });
  await expect(inTransaction).rejects.toThrow(StorageUnavailable);
  // An idle connection's end arrives when it arrives: a question that meets it first is refused, and takes it away.
  await expect.poll(() => insert().then(() => 'stored', String), { timeout: 2_000 }).toBe('stored');
});

test('F4 a server that turned read-only: that connection is never used again', async () => {
  const name = sql.id(new URL(direct.place).pathname.slice(1));
  await sql`alter database ${name} set default_transaction_read_only = on`.execute(direct.db);
  await expect(insert()).rejects.toThrow(StorageUnavailable);
  await sql`alter database ${name} reset default_transaction_read_only`.execute(direct.db);
  await insert();
});

test('a statement that waits for a lock gives up in seconds', async () => {
  await direct.db.transaction().execute(async (trx) => {
    await sql`lock table claims`.execute(trx);
    await expect(insert()).rejects.toThrow(StorageUnavailable);
  });
  await insert();
});

test('a pool that is all in use says so within two seconds', async () => {
  const startedAt = performance.now();
  const sleeping = Array.from({ length: 10 }, () => sql`select pg_sleep(3)`.execute(database.db));
  await expect(database.ping()).rejects.toThrow(StorageUnavailable);
  expect(performance.now() - startedAt).toBeLessThan(2_900);
  await Promise.all(sleeping);
});

test('R21 a lapsed lease without the database is StorageUnavailable, never old knowledge', async () => {
  const clock = movableClock();
  const lease = createLease({ db: database.db, clock, leaseMs: 1000, log: silent });
  await lease.ensure();
  await wire.cut();
  await lease.ensure();
  clock.advance(1);
  await expect(lease.ensure()).rejects.toThrow(StorageUnavailable);
  await wire.mend();
  await lease.ensure();
});

test('a fault of the statement stays what it is', async () => {
  await expect(sql`select nonsense`.execute(database.db)).rejects.toMatchObject({ code: '42703' });
  await expect(sql`insert into claims (key) values (null)`.execute(database.db)).rejects.toMatchObject({
    code: '23502',
  });
});
