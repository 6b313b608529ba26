/** Postgres and Redis for the run: the named ones, else servers of its own. */
import { obtainBinaries, orNamed } from '../test/harness/binaries.ts';
import { startPostgres } from '../test/harness/postgres.ts';
import { durableRedis } from '../test/harness/redis.ts';
import { startRedis } from '../test/harness/redis-server.ts';
import { freshStores, type Stores } from '../test/harness/server.ts';

/** Empty stores of the full set-up. `TEST_DATABASE_URL` and `TEST_REDIS_URL` name servers that are there already. */
export async function openStores(): Promise<Stores> {
  const servers: { close(): Promise<void> }[] = [];
  const needed = { postgres: !process.env.TEST_DATABASE_URL, redis: !process.env.TEST_REDIS_URL };
  if (!obtainBinaries(needed, orNamed)) process.exit(1);
  if (needed.postgres) {
    const postgres = await startPostgres();
    servers.push(postgres);
    process.env.TEST_DATABASE_URL = postgres.url;
  }
  if (needed.redis) {
    const redis = await startRedis(durableRedis);
    servers.push(redis);
    process.env.TEST_REDIS_URL = redis.url;
  }
  const stores = await freshStores('full');
  return {
    environment: stores.environment,
    drop: async () => {
      await stores.drop();
      for (const server of servers.reverse()) await server.close();
    },
  };
}
