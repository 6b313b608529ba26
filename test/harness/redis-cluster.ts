import { freePort, isFree, until } from './ports.ts';
import { askRedis, type OwnRedis, startRedis } from './redis.ts';

export interface OwnRedisCluster {
  /** `redis://127.0.0.1:PORT` of each of the three nodes. */
  readonly urls: readonly string[];
  readonly ports: readonly number[];
  readonly nodes: readonly OwnRedis[];
  close(): Promise<void>;
}

const slots = 16_384;

/** Three masters on loopback, with all slots given out. */
export async function startRedisCluster(): Promise<OwnRedisCluster> {
  const nodes: OwnRedis[] = [];
  try {
    for (let place = 0; place < 3; place += 1) nodes.push(await startNode());
    await Promise.all(
      nodes.map((node, place) => askRedis(node.url, (redis) => redis.cluster('ADDSLOTS', ...slotsOf(place)))),
    );
    const [first, ...others] = nodes;
    if (!first) throw new Error('no node');
    for (const other of others) {
      await askRedis(first.url, (redis) => redis.cluster('MEET', '127.0.0.1', String(other.port)));
    }
    await Promise.all(
      nodes.map((node) =>
        until('Redis Cluster', () =>
          askRedis(node.url, async (redis) => expectWhole(await redis.cluster('INFO'))),
        ),
      ),
    );
  } catch (error) {
    await Promise.all(nodes.map((node) => node.close()));
    throw error;
  }
  return {
    urls: nodes.map((node) => node.url),
    ports: nodes.map((node) => node.port),
    nodes,
    close: async () => {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}

async function startNode(): Promise<OwnRedis> {
  // The nodes talk to each other on a second port, 10000 above the first.
  for (;;) {
    const port = await freePort();
    if (port > 55_000 || !(await isFree(port + 10_000))) continue;
    return startRedis({ port, args: ['--cluster-enabled', 'yes', '--databases', '1'] });
  }
}

function slotsOf(place: number): string[] {
  const from = Math.floor((slots * place) / 3);
  const to = Math.floor((slots * (place + 1)) / 3);
  return Array.from({ length: to - from }, (_, at) => String(from + at));
}

function expectWhole(info: unknown): void {
  const text = String(info);
  if (!text.includes('cluster_state:ok') || !text.includes('cluster_known_nodes:3')) throw new Error(text);
}
