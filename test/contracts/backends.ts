/** Where the contract of storage/artifacts.ts and counters.ts must hold: each backend, opened empty for one test file. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Kysely, sql } from 'kysely';
import { Secret } from '../../src/config/secret.ts';
import type { Artifacts } from '../../src/storage/artifacts.ts';
import { createRedisArtifacts } from '../../src/storage/artifacts-redis.ts';
import { createSqlArtifacts } from '../../src/storage/artifacts-sql.ts';
import type { Counters } from '../../src/storage/counters.ts';
import { createRedisCounters } from '../../src/storage/counters-redis.ts';
import { createSqlCounters } from '../../src/storage/counters-sql.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { migrate } from '../../src/storage/migrator.ts';
import { openRedis } from '../../src/storage/redis.ts';
import type { Database } from '../../src/storage/tables.ts';
import { freshDatabase } from '../harness/postgres.ts';
import { startRedisCluster } from '../harness/redis-cluster.ts';
import { startRedis, type TestRedis } from '../harness/redis-server.ts';
import { silentLog, testClock, testSealing } from './store-settings.ts';

export interface Backend {
  readonly artifacts: Artifacts;
  readonly counters: Counters;
  /** Moved by the test; ms. Starts at the real time. */
  readonly clock: { now(): number; advance(seconds: number): void };
  /** Everything that is stored, keys and values, as text. */
  dump(): Promise<string>;
  /** Redis only. */
  readonly servers: readonly TestRedis[];
  close(): Promise<void>;
}

/** A new database with all tables on the Postgres of TEST_DATABASE_URL. */
export async function openTestPostgres(): Promise<{
  db: Kysely<Database>;
  url: string;
  close(): Promise<void>;
}> {
  const fresh = await freshDatabase('migrated');
  const settings = { setup: 'plain' as const, databaseUrl: new Secret(fresh.url), dataDir: '' };
  const database = await openDatabase({ settings, log: silentLog });
  await migrate(database.db);
  return {
    db: database.db,
    url: fresh.url,
    close: async () => {
      await database.close();
      await fresh.drop();
    },
  };
}

async function onEmbedded(): Promise<Backend> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cardea-embedded-'));
  const database = await openDatabase({ settings: { setup: 'embedded', dataDir }, log: silentLog });
  await migrate(database.db);
  return sqlBackend(database.db, async () => {
    await database.close();
    await rm(dataDir, { recursive: true, force: true });
  });
}

async function onPostgres(): Promise<Backend> {
  const { db, close } = await openTestPostgres();
  return sqlBackend(db, close);
}

function sqlBackend(db: Kysely<Database>, close: () => Promise<void>): Backend {
  const clock = testClock();
  const artifacts = createSqlArtifacts({ db, sealing: testSealing, clock });
  return {
    artifacts,
    counters: createSqlCounters({ db, clock }),
    clock,
    servers: [],
    dump: async () => {
      const tables = [
        'artifacts',
        'claims',
        'counters',
        'session_families',
        'ended_families',
        'ended_tokens',
      ];
      const parts = tables.map(async (table) => {
        const { rows } = await sql`select t::text as line from ${sql.table(table)} t`.execute(db);
        return JSON.stringify(rows);
      });
      return (await Promise.all(parts)).join('\n');
    },
    close: async () => {
      await artifacts.close();
      await close();
    },
  };
}

async function onRedis(): Promise<Backend> {
  const server = await startRedis();
  return redisBackend(server.url, [server], server.close);
}

async function onRedisCluster(): Promise<Backend> {
  const cluster = await startRedisCluster();
  return redisBackend(cluster.url, cluster.nodes, cluster.close);
}

async function redisBackend(
  url: string,
  servers: readonly TestRedis[],
  stop: () => Promise<void>,
): Promise<Backend> {
  const clock = testClock();
  const redis = await openRedis({ url, log: silentLog });
  return {
    artifacts: createRedisArtifacts({ redis, sealing: testSealing, clock }),
    counters: createRedisCounters({ redis, clock }),
    clock,
    servers,
    dump: async () => (await Promise.all(servers.map(dumpServer))).join('\n'),
    close: async () => {
      await redis.close();
      await stop();
    },
  };
}

async function dumpServer(server: TestRedis): Promise<string> {
  const link = server.connect();
  const lines: string[] = [];
  for (const key of await link.keys('*')) {
    const isHash = (await link.type(key)) === 'hash';
    lines.push(JSON.stringify([key, isHash ? await link.hgetall(key) : await link.get(key)]));
  }
  link.disconnect();
  return lines.join('\n');
}

/** Every key of every server with its time to live in ms; -1 is none. */
export async function timesToLive(
  servers: readonly TestRedis[],
): Promise<readonly (readonly [string, number])[]> {
  const all: [string, number][] = [];
  for (const server of servers) {
    const link = new Redis({ port: server.port, host: '127.0.0.1' });
    for (const key of await link.keys('*')) all.push([key, await link.pttl(key)]);
    link.disconnect();
  }
  return all;
}

export const backends = [
  { name: 'on embedded', open: onEmbedded },
  { name: 'on postgres', open: onPostgres },
  { name: 'on redis', open: onRedis },
  { name: 'on redis cluster', open: onRedisCluster },
] as const;
