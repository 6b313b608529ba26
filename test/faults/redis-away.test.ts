/** Redis gone, hanging or full: StorageUnavailable within the time limit, never another answer; then all goes on. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Artifacts } from '../../src/storage/artifacts.ts';
import { createRedisArtifacts } from '../../src/storage/artifacts-redis.ts';
import { createRedisCounters } from '../../src/storage/counters-redis.ts';
import { newId } from '../../src/storage/ids.ts';
import { type OpenRedis, openRedis } from '../../src/storage/redis.ts';
import { checkRedis } from '../../src/storage/redis-checks.ts';
import { StorageUnavailable } from '../../src/storage/unavailable.ts';
import { atOnce, makeFamily, putOf } from '../contracts/builders.ts';
import { silentLog, testClock, testSealing } from '../contracts/store-settings.ts';
import { within } from '../harness/cost.ts';
import { startRedis, type TestRedis } from '../harness/redis-server.ts';

const clock = testClock();
const soon = { timeout: 8000, interval: 50 };
let server: TestRedis;
let redis: OpenRedis;
let artifacts: Artifacts;

beforeEach(async () => {
  server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
  redis = await openRedis({ url: server.url, log: silentLog });
  artifacts = createRedisArtifacts({ redis, sealing: testSealing, clock });
});
afterEach(async () => {
  await redis.close();
  await server.close();
});

test('F4: killed and started again on redis: refused at once meanwhile, and nothing is lost', async () => {
  const { access, code } = await makeFamily(artifacts);
  const counters = createRedisCounters({ redis, clock });
  await server.kill('SIGKILL');
  await expect.poll(() => redis.client.status, soon).not.toBe('ready');
  await within(500, async () => {
    await expect(artifacts.find('AccessToken', access)).rejects.toThrow(StorageUnavailable);
    await expect(artifacts.consume('AuthorizationCode', code)).rejects.toThrow(StorageUnavailable);
    await expect(artifacts.claim('dpop', 'x', clock.now() + 1000)).rejects.toThrow(StorageUnavailable);
    await expect(counters.hit('x', 60)).rejects.toThrow(StorageUnavailable);
    await expect(artifacts.ping()).rejects.toThrow(StorageUnavailable);
  });
  await server.start();
  await expect
    .poll(() => artifacts.find('AccessToken', access).catch(() => ({})), soon)
    .toHaveProperty('artifact');
  // What was refused was not queued: it did not happen later.
  expect(await artifacts.consume('AuthorizationCode', code)).toBe(true);
  expect(await artifacts.claim('dpop', 'x', clock.now() + 1000)).toBe(true);
});

test('F7: a Redis that hangs on redis: refused within 1.5 s, nothing piles up, and it recovers', async () => {
  const { access } = await makeFamily(artifacts);
  const link = server.connect();
  const pid = /process_id:(\d+)/.exec(await link.info('server'))?.[1];
  link.disconnect();
  process.kill(Number(pid), 'SIGSTOP');
  const outcomes = await within(1500, () =>
    atOnce(200, () => artifacts.find('AccessToken', access).then(String, (e: unknown) => e)),
  );
  expect(outcomes.every((outcome) => outcome instanceof StorageUnavailable)).toBe(true);
  process.kill(Number(pid), 'SIGCONT');
  await expect
    .poll(() => artifacts.find('AccessToken', access).catch(() => ({})), soon)
    .toHaveProperty('artifact');
});

test('F8: a full Redis on redis refuses writes, answers reads, and still takes the end of a family', async () => {
  const { grant, access, code } = await makeFamily(artifacts);
  const link = server.connect();
  await link.config('SET', 'maxmemory', '1mb');
  const late = newId('AccessToken', grant);
  await expect(artifacts.put(putOf('AccessToken', late, grant))).rejects.toThrow(StorageUnavailable);
  await expect(artifacts.consume('AuthorizationCode', code)).rejects.toThrow(StorageUnavailable);
  expect(await artifacts.find('AccessToken', access)).toHaveProperty('artifact');
  // The limits of what needs no memory go on counting, in windows that are open and in new ones.
  const counters = createRedisCounters({ redis, clock });
  expect(await counters.hit('full', 60)).toMatchObject({ count: 1 });
  expect(await counters.hit('full', 60)).toMatchObject({ count: 2 });
  await artifacts.endFamily(grant, 'revoked by person', 60);
  expect(await artifacts.find('AccessToken', access)).toEqual({ ended: 'revoked by person' });
  await link.config('SET', 'maxmemory', '0');
  link.disconnect();
  expect(await artifacts.put(putOf('Interaction', newId('Interaction')))).toBe(true);
});

test('F26: a damaged value on redis concerns its owner alone and is reported', async () => {
  const [one, other] = [await makeFamily(artifacts), await makeFamily(artifacts)];
  const warnings: string[] = [];
  const log = { warn: (message: string) => warnings.push(message) };
  const watched = createRedisArtifacts({ redis, sealing: testSealing, clock, log });
  const link = server.connect();
  for (const key of await link.keys(`c:{${one.grant.slice(1, 13)}}:*`)) await link.hset(key, 'p', '{"broken');
  link.disconnect();
  expect(await watched.find('AccessToken', one.access)).toEqual({});
  expect(await watched.find('AccessToken', other.access)).toHaveProperty('artifact');
  expect(warnings).toHaveLength(1);
});

test('start: eviction and a missing append-only file are refused on redis, both in one message', async () => {
  const check = (lossAccepted: boolean) => checkRedis(redis.masters(), { lossAccepted, log: silentLog });
  await check(false);
  const link = server.connect();
  await link.config('SET', 'appendonly', 'no');
  await link.config('SET', 'maxmemory-policy', 'volatile-lru');
  await expect(check(false)).rejects.toThrow(/noeviction.*appendonly yes/s);
  await link.config('SET', 'maxmemory-policy', 'noeviction');
  await expect(check(false)).rejects.toThrow(/appendonly yes/);
  await check(true);
  link.disconnect();
});

test('what is asked in one turn on redis waits for its end, leaves in one write and is answered in order', async () => {
  const [link] = redis.masters();
  const asked = ['a', 'b', 'c'].map((word) => link?.echo(word));
  // Gathered, not written: `uncork` hands all of it to the socket at once.
  expect(link?.stream.writableCorked).toBe(1);
  expect(link?.stream.writableLength).toBeGreaterThan(0);
  expect(await Promise.all(asked)).toEqual(['a', 'b', 'c']);
  expect(link?.stream.writableCorked).toBe(0);
});

test('start: no Redis at the address is StorageUnavailable within 6 s', async () => {
  await expect(openRedis({ url: 'redis://127.0.0.1:1', log: silentLog })).rejects.toThrow(StorageUnavailable);
});
