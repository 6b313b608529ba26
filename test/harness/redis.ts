import { Redis } from 'ioredis';
import { startRedis } from './redis-server.ts';

/** As production wants it: nothing evicted, everything appended; and enough numbered databases for all test files. */
export const durableRedis = ['--appendonly', 'yes', '--maxmemory-policy', 'noeviction', '--databases', '256'];

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
  drop(): Promise<void>;
}

/** An empty Redis for one test file: a numbered database of the test server, or a server of its own. */
export async function freshRedis(): Promise<FreshRedis> {
  const server = process.env.TEST_REDIS_URL;
  if (!server) throw new Error('TEST_REDIS_URL is not set: run npm test, or name a Redis server');
  const url = new URL(server);
  const claimed = await askRedis(server, claimDatabase);
  if (claimed === undefined) {
    const own = await startRedis(durableRedis);
    return { url: own.url, drop: () => own.close() };
  }
  url.pathname = `/${claimed}`;
  return {
    url: url.href,
    drop: async () => {
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
