/**
 * Writes that a promoted replica must not have forgotten: that a code, a refresh token or a proof was used. Replication
 * of Redis is asynchronous, so such a write is followed by WAIT on the same connection, in the same trip, and is told
 * to nobody before so many replicas have it. What did not reach them counts as not done: the caller is told 503.
 */
import type { ChainableCommander, Cluster, Redis } from 'ioredis';
import { StorageUnavailable } from './unavailable.ts';

/** Replicas in reach answer within a millisecond or two; behind this wait stands everybody else on the connection. */
const WAIT_MS = 500;

/**
 * @param replicas how many must have the write; 0: none, and `write` is sent as ever
 * @throws StorageUnavailable (from the returned function) when fewer have it in time; the write may have happened
 */
export function createAcknowledged(client: Redis | Cluster, replicas: number) {
  return async (write: (to: Redis | Cluster | ChainableCommander) => unknown): Promise<unknown> => {
    if (replicas === 0) return write(client);
    const pipeline = client.pipeline();
    write(pipeline);
    // WAIT has no key: on a Cluster the whole pipeline goes to the node of the keys before it.
    pipeline.call('WAIT', String(replicas), String(WAIT_MS));
    const [[fault, answer] = [], [waitFault, reached] = []] = (await pipeline.exec()) ?? [];
    if (fault ?? waitFault) throw fault ?? waitFault;
    if (Number(reached) < replicas)
      throw new StorageUnavailable(`only ${String(reached)} of ${replicas} replicas of Redis have the write`);
    return answer;
  };
}
