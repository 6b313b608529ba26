/** Counters in Redis: one script a trip, keys digested, each gone with its window. */
import type { Counted, Counters } from './counters.ts';
import { type OpenRedis, redisFault } from './redis.ts';
import { counterKey } from './redis-keys.ts';
import { defineScripts, MAX_HITS } from './redis-scripts.ts';

interface Needs {
  redis: Pick<OpenRedis, 'client' | 'isCluster'>;
  clock: { now(): number };
}

export function createRedisCounters({ redis: { client, isCluster }, clock }: Needs): Counters {
  const script = defineScripts(client);

  async function add(hits: readonly { key: string; windowSeconds: number; amount: number }[]) {
    const at = hits.map((hit) => counterKey(hit.key));
    const values = hits.flatMap((hit) => [Math.ceil(hit.windowSeconds * 1000), hit.amount]);
    try {
      const answer = (await script(`hit${hits.length}`, at, [clock.now(), ...values])) as [number, number][];
      return answer.map(([count, resetAt]) => ({ count, resetAt }));
    } catch (error) {
      throw redisFault(error);
    }
  }

  async function hit(key: string, windowSeconds: number, amount = 1): Promise<Counted> {
    const [counted] = await add([{ key, windowSeconds, amount }]);
    if (!counted) throw new TypeError('one hit has one answer');
    return counted;
  }

  return {
    hit,
    hitAll: async (hits) => {
      // Keys of several slots cannot be one command; auto-pipelining still makes it about one round trip.
      if (isCluster) return Promise.all(hits.map(({ key, windowSeconds }) => hit(key, windowSeconds)));
      const bundles: Promise<Counted[]>[] = [];
      for (let i = 0; i < hits.length; i += MAX_HITS) {
        bundles.push(add(hits.slice(i, i + MAX_HITS).map((one) => ({ ...one, amount: 1 }))));
      }
      return (await Promise.all(bundles)).flat();
    },
    read: async (key) => {
      try {
        const [count, resetAt] = await client.hmget(counterKey(key), 'c', 'r');
        if (!count || !resetAt || Number(resetAt) <= clock.now()) return undefined;
        return { count: Number(count), resetAt: Number(resetAt) };
      } catch (error) {
        throw redisFault(error);
      }
    },
    clear: async (key) => {
      try {
        await client.del(counterKey(key));
      } catch (error) {
        throw redisFault(error);
      }
    },
  };
}
