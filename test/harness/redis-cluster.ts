/** A Redis Cluster of three masters on loopback, without replicas. */
import { startRedis, type TestRedis } from './redis-server.ts';

export interface TestCluster {
  readonly nodes: readonly TestRedis[];
  /** In the form that storage/redis-address.ts reads. */
  readonly url: string;
  close(): Promise<void>;
}

const SLOTS = 16_384;
const NODES = 3;

export async function startRedisCluster(settings: readonly string[] = []): Promise<TestCluster> {
  const own = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', ...settings];
  const nodes = await Promise.all(Array.from({ length: NODES }, () => startRedis(own)));
  const links = nodes.map((node) => node.connect());
  const [first] = nodes;
  for (const [n, link] of links.entries()) {
    const from = Math.floor((n * SLOTS) / NODES);
    const to = Math.floor(((n + 1) * SLOTS) / NODES) - 1;
    await link.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
    await link.call('CLUSTER', 'SET-CONFIG-EPOCH', n + 1);
    if (first && n > 0) await link.call('CLUSTER', 'MEET', '127.0.0.1', first.port);
  }
  const deadline = performance.now() + 15_000;
  for (const link of links) {
    for (;;) {
      const info = String(await link.call('CLUSTER', 'INFO'));
      if (/cluster_state:ok/.test(info) && new RegExp(`cluster_known_nodes:${NODES}`).test(info)) break;
      if (performance.now() > deadline) throw new Error('the Redis Cluster did not form');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    link.disconnect();
  }
  return {
    nodes,
    url: `redis+cluster://${nodes.map((node) => `127.0.0.1:${node.port}`).join(',')}`,
    close: async () => {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}
