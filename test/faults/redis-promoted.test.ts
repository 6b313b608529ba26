/** F6, I1: what was told as used is used on the replica that is promoted a moment later. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRedisArtifacts } from '../../src/storage/artifacts-redis.ts';
import { type OpenRedis, openRedis } from '../../src/storage/redis.ts';
import { StorageUnavailable } from '../../src/storage/unavailable.ts';
import { makeFamily, rotation } from '../contracts/builders.ts';
import { silentLog, testClock, testSealing } from '../contracts/store-settings.ts';
import { until } from '../harness/ports.ts';
import { startRedisCluster } from '../harness/redis-cluster.ts';
import { startRedis, type TestRedis } from '../harness/redis-server.ts';

const clock = testClock();
let primary: TestRedis;
let replica: TestRedis;
const open: OpenRedis[] = [];

async function artifactsOn(server: { readonly url: string }, waitReplicas: number) {
  const redis = await openRedis({ url: server.url, log: silentLog });
  open.push(redis);
  return createRedisArtifacts({ redis, sealing: testSealing, clock, waitReplicas });
}

beforeAll(async () => {
  primary = await startRedis();
  replica = await startRedis(['--replicaof', '127.0.0.1', String(primary.port)]);
  const link = primary.connect();
  await until('the replica', async () => {
    if ((await link.wait(1, 100)) < 1) throw new Error('no replica yet');
  });
  link.disconnect();
});
afterAll(async () => {
  for (const redis of open) await redis.close();
  await replica?.close();
  await primary?.close();
});

test('F6 I1: a use is told only once the replica has it; without it in reach nothing is told', async () => {
  const before = await artifactsOn(primary, 1);
  const told = await makeFamily(before);
  const untold = await makeFamily(before);
  expect(await before.commit(rotation(told.grant, told.refresh).commit)).toEqual({ kind: 'committed' });
  expect(await before.consume('AuthorizationCode', told.code)).toBe(true);
  const proofUntil = clock.now() + 60_000;
  expect(await before.claim('dpop', 'proof', proofUntil)).toBe(true);
  const link = primary.connect();
  await link.wait(1, 1000);
  link.disconnect();

  // The replica is promoted; the primary does not know and goes on.
  const hand = replica.connect();
  await hand.replicaof('NO', 'ONE');
  hand.disconnect();
  const late = before.commit(rotation(untold.grant, untold.refresh).commit);
  await expect(late).rejects.toThrow(StorageUnavailable);
  await expect(before.claim('dpop', 'late', proofUntil)).rejects.toThrow(StorageUnavailable);

  const after = await artifactsOn(replica, 0);
  expect((await after.find('RefreshToken', told.refresh)).artifact?.consumedAt).toBeDefined();
  expect(await after.consume('AuthorizationCode', told.code)).toBe(false);
  expect(await after.claim('dpop', 'proof', proofUntil)).toBe(false);
  // What nobody was told can be tried again.
  expect(await after.commit(rotation(untold.grant, untold.refresh).commit)).toEqual({ kind: 'committed' });
  expect(await after.claim('dpop', 'late', proofUntil)).toBe(true);
});

test('F6: on a Redis Cluster too, WAIT goes to the node that has the write', async () => {
  const cluster = await startRedisCluster();
  const artifacts = await artifactsOn(cluster, 1);
  for (let n = 0; n < 6; n += 1) {
    const { grant, refresh } = await makeFamily(artifacts);
    await expect(artifacts.commit(rotation(grant, refresh).commit)).rejects.toThrow('only 0 of 1 replicas');
  }
  await cluster.close();
});
