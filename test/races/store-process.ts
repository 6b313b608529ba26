/**
 * A process of its own with its own connection to the store, for races and crashes: it does what its parent says.
 * Started by store-races.test.ts with the address of Redis as its argument.
 */
import type { Commit } from '../../src/storage/artifacts.ts';
import { createRedisArtifacts } from '../../src/storage/artifacts-redis.ts';
import type { ArtifactKind } from '../../src/storage/ids.ts';
import { openRedis } from '../../src/storage/redis.ts';
import { silentLog, testClock, testSealing } from '../contracts/store-settings.ts';

/** What the parent asks; `crash`: end without a word (as by kill -9) right after the store has answered. */
export type Order =
  | { do: 'commit'; commits: readonly Commit[]; crash?: boolean }
  | { do: 'consume'; kind: ArtifactKind; id: string; times: number }
  | { do: 'claim'; value: string; times: number };

const redis = await openRedis({ url: process.argv[2] ?? '', log: silentLog });
const clock = testClock();
const artifacts = createRedisArtifacts({ redis, sealing: testSealing, clock });

async function obey(order: Order): Promise<readonly unknown[]> {
  if (order.do === 'commit') {
    const outcomes = await Promise.all(order.commits.map((commit) => artifacts.commit(commit)));
    if (order.crash) process.kill(process.pid, 'SIGKILL');
    return outcomes;
  }
  const times = Array.from({ length: order.times });
  if (order.do === 'consume') return Promise.all(times.map(() => artifacts.consume(order.kind, order.id)));
  return Promise.all(times.map(() => artifacts.claim('dpop', order.value, clock.now() + 60_000)));
}

process.on('message', (order: Order) => {
  void obey(order).then((outcomes) => process.send?.(outcomes));
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
