import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findBinaries } from './binaries.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { freePort, until } from './ports.ts';

/** A Redis of one test's own, for faults: killed, emptied and started again as it likes. */
export interface OwnRedis {
  readonly url: string;
  readonly port: number;
  daemon(): Daemon;
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Starts it again with the same files. */
  start(): Promise<void>;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

export interface OwnRedisOptions {
  readonly port?: number;
  /** More of redis-server's options, such as `['--maxmemory', '4mb']`. */
  readonly args?: readonly string[];
}

export async function startRedis({ port: wanted, args = [] }: OwnRedisOptions = {}): Promise<OwnRedis> {
  const command = findBinaries().redisServer;
  if (!command) throw new Error('no Redis on this machine: install the package redis-server');
  const home = mkdtempSync(join(tmpdir(), 'cardea-redis-'));
  const port = wanted ?? (await freePort());
  const url = `redis://127.0.0.1:${port}`;
  const all = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    home,
    '--databases',
    '256',
    '--save',
    '',
  ];
  all.push('--appendonly', 'yes', '--maxmemory-policy', 'noeviction', ...args);
  let daemon: Daemon;
  const start = async () => {
    daemon = startDaemon({ command, args: all, cwd: home });
    await until('Redis', () => askRedis(url, async (redis) => redis.ping()));
  };
  await start();
  return {
    url,
    port,
    daemon: () => daemon,
    start,
    stop: () => daemon.stop(),
    kill: () => daemon.kill(),
    close: async () => {
      await daemon.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A short connection of its own. */
export async function askRedis<T>(url: string, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

export interface FreshRedis {
  readonly url: string;
  close(): Promise<void>;
}

/** An empty Redis for one test file: a numbered database of the test server, or a server of its own. */
export async function freshRedis(): Promise<FreshRedis> {
  const server = process.env.TEST_REDIS_URL;
  if (!server) throw new Error('TEST_REDIS_URL is not set: run npm test, or name a Redis server');
  const url = new URL(server);
  const claimed = await askRedis(server, claimDatabase);
  if (claimed === undefined) {
    const own = await startRedis();
    return { url: own.url, close: () => own.close() };
  }
  url.pathname = `/${claimed}`;
  return {
    url: url.href,
    close: async () => {
      await askRedis(url.href, (redis) => redis.flushdb());
      await askRedis(server, (redis) => redis.del(claimName(claimed)));
    },
  };
}

function claimName(database: number): string {
  return `cardea-test:claimed:${database}`;
}

// A named server may be somebody's: only a database that is empty and that no other run has claimed is taken.
async function claimDatabase(redis: Redis): Promise<number | undefined> {
  const answer = await redis.config('GET', 'databases');
  const databases = Number(Array.isArray(answer) ? answer[1] : 1);
  for (let database = 1; database < databases; database += 1) {
    if ((await redis.set(claimName(database), process.pid, 'EX', 900, 'NX')) !== 'OK') continue;
    await redis.select(database);
    const size = await redis.dbsize();
    await redis.select(0);
    if (size === 0) return database;
    await redis.del(claimName(database));
  }
  return undefined;
}
