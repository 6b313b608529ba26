/** A Redis that lost or took back what it held: no ended family lives again, and all heals without a hand. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { type OpenArtifacts, openArtifacts } from '../../src/storage/artifact-factory.ts';
import type { Found } from '../../src/storage/artifacts.ts';
import { createRedisArtifacts } from '../../src/storage/artifacts-redis.ts';
import { openRedis } from '../../src/storage/redis.ts';
import type { Database } from '../../src/storage/tables.ts';
import { StorageUnavailable } from '../../src/storage/unavailable.ts';
import { openTestPostgres } from '../contracts/backends.ts';
import { makeFamily, putOf, rotation } from '../contracts/builders.ts';
import { silentLog, testClock, testSealing } from '../contracts/store-settings.ts';
import { startRedisCluster } from '../harness/redis-cluster.ts';
import { startRedis, type TestRedis } from '../harness/redis-server.ts';

const clock = testClock();
const soon = { timeout: 10_000, interval: 50 };

let sql: { db: Kysely<Database>; close(): Promise<void> };
beforeAll(async () => {
  sql = await openTestPostgres();
});
afterAll(() => sql?.close());

function open(server: { readonly url: string }): Promise<OpenArtifacts> {
  const settings = {
    setup: 'full' as const,
    redisUrl: new Secret(server.url),
    redisLossAccepted: true,
    redisWaitReplicas: 0,
  };
  return openArtifacts({ settings, database: sql, sealing: testSealing, clock, log: silentLog });
}

/** What a find answers once it answers at all; the faults before that must be StorageUnavailable. */
async function onceItAnswers(work: () => Promise<Found>): Promise<Found> {
  return expect
    .poll(async () => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof StorageUnavailable)) throw error;
        return undefined;
      }
    }, soon)
    .toBeDefined()
    .then(work);
}

async function saveDump(server: TestRedis): Promise<void> {
  const link = server.connect();
  await link.save();
  link.disconnect();
}

/** Proves that the older file really holds the family alive: otherwise these tests would show nothing. */
async function livesInDump(server: TestRedis, access: string): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'cardea-dump-'));
  await copyFile(join(server.directory, 'dump.rdb'), join(directory, 'dump.rdb'));
  const copy = await startRedis(['--dir', directory]);
  const redis = await openRedis({ url: copy.url, log: silentLog });
  const artifacts = createRedisArtifacts({ redis, sealing: testSealing, clock });
  const { artifact } = await artifacts.find('AccessToken', access);
  await redis.close();
  await copy.close();
  await rm(directory, { recursive: true });
  return artifact !== undefined;
}

describe('I3: ended families stay ended on redis', () => {
  test('after kill -9 and a start from an older file, without a restart of ours', async () => {
    const server = await startRedis();
    const store = await open(server);
    const ended = await makeFamily(store.artifacts);
    const stolen = await makeFamily(store.artifacts);
    const alive = await makeFamily(store.artifacts);
    const denied = rotation(alive.grant, alive.refresh).access;
    await saveDump(server);
    await store.families.end([ended.grant], 'revoked by person');
    await store.artifacts.denyToken(denied, alive.grant, 600);
    await store.artifacts.commit(rotation(stolen.grant, stolen.refresh, 0).commit);
    const again = await store.artifacts.commit(rotation(stolen.grant, stolen.refresh, 0).commit);
    expect(again.kind).toBe('theft');
    await server.kill('SIGKILL');
    await expect(store.artifacts.find('AccessToken', alive.access)).rejects.toThrow(StorageUnavailable);
    expect(await livesInDump(server, ended.access)).toBe(true);
    await server.start();
    expect(await onceItAnswers(() => store.artifacts.find('AccessToken', ended.access))).toEqual({
      ended: 'revoked by person',
    });
    expect(await store.artifacts.find('AccessToken', stolen.access)).toEqual({ ended: 'replayed' });
    expect((await store.artifacts.find('AccessToken', alive.access)).artifact).toBeDefined();
    expect(await store.artifacts.familyState(alive.grant, denied)).toMatchObject({
      known: true,
      denied: true,
    });
    await store.close();
    await server.close();
  });

  test('for a process that starts only afterwards', async () => {
    const server = await startRedis();
    const before = await open(server);
    const { grant, access } = await makeFamily(before.artifacts);
    await saveDump(server);
    await before.artifacts.endFamily(grant, 'revoked by person', 600);
    await before.close();
    await server.kill('SIGKILL');
    await server.start();
    const after = await open(server);
    expect(await after.artifacts.find('AccessToken', access)).toEqual({ ended: 'revoked by person' });
    await after.close();
    await server.close();
  });

  test('when older data come in under the same run id and without a lost connection', async () => {
    const server = await startRedis(['--enable-debug-command', 'yes']);
    const store = await open(server);
    const { grant, access } = await makeFamily(store.artifacts);
    await saveDump(server);
    await store.families.end([grant], 'revoked by person');
    await expect.poll(() => pulseOf(server), soon).toBeGreaterThan(3);
    const link = server.connect();
    await link.call('DEBUG', 'RELOAD', 'NOSAVE');
    link.disconnect();
    await expect
      .poll(async () => (await store.artifacts.find('AccessToken', access).catch(() => ({}))) as Found, soon)
      .toEqual({ ended: 'revoked by person' });
    await store.close();
    await server.close();
  });

  test('F5: after FLUSHALL nothing old lives, and new families work', async () => {
    const server = await startRedis();
    const store = await open(server);
    const ended = await makeFamily(store.artifacts);
    const alive = await makeFamily(store.artifacts);
    await store.families.end([ended.grant], 'revoked by person');
    await expect.poll(() => pulseOf(server), soon).toBeGreaterThan(2);
    const link = server.connect();
    await link.flushall();
    link.disconnect();
    await expect
      .poll(async () => store.artifacts.familyState(ended.grant, 'jti').catch(() => ({})), soon)
      .toMatchObject({ ended: 'revoked by person', known: false });
    await store.artifacts.put(putOf('AccessToken', ended.access, ended.grant));
    await store.artifacts.put(putOf('Grant', ended.grant));
    expect(await store.artifacts.find('AccessToken', ended.access)).not.toHaveProperty('artifact');
    expect(await store.artifacts.find('RefreshToken', alive.refresh)).toEqual({});
    const fresh = await makeFamily(store.artifacts);
    expect((await store.artifacts.find('AccessToken', fresh.access)).artifact).toBeDefined();
    await store.close();
    await server.close();
  });

  test('an end that could not reach Redis says so, stands in SQL and follows by itself', async () => {
    const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
    const store = await open(server);
    const { grant, access } = await makeFamily(store.artifacts);
    await server.kill('SIGKILL');
    await expect(store.families.end([grant], 'revoked by person')).rejects.toThrow(StorageUnavailable);
    await server.start();
    expect(await onceItAnswers(() => store.artifacts.find('AccessToken', access))).toEqual({
      ended: 'revoked by person',
    });
    await expect
      .poll(
        () => sql.db.selectFrom('ended_families').select('applied').where('family_id', '=', grant).execute(),
        soon,
      )
      .toEqual([{ applied: true }]);
    await store.close();
    await server.close();
  });

  test('more ended families than one page holds are all marked again', async () => {
    const server = await startRedis();
    const store = await open(server);
    const families = await Promise.all(Array.from({ length: 1203 }, () => makeFamily(store.artifacts)));
    await saveDump(server);
    await store.families.end(
      families.map(({ grant }) => grant),
      'signed out',
    );
    await server.kill('SIGKILL');
    await server.start();
    await onceItAnswers(() => store.artifacts.find('Grant', families[0]?.grant ?? ''));
    const found = await Promise.all(
      families.map(({ access }) => store.artifacts.find('AccessToken', access)),
    );
    expect(found.filter(({ ended }) => ended !== 'signed out')).toEqual([]);
    await store.close();
    await server.close();
  });
});

test('I3: a node of a Redis Cluster that comes back with older data is not trusted before it is healed', async () => {
  const cluster = await startRedisCluster();
  const store = await open(cluster);
  const families = await Promise.all(Array.from({ length: 30 }, () => makeFamily(store.artifacts)));
  for (const node of cluster.nodes) await saveDump(node);
  await store.families.end(
    families.map(({ grant }) => grant),
    'revoked by person',
  );
  const [node] = cluster.nodes;
  await node?.kill('SIGKILL');
  await node?.start();
  for (const { access } of families) {
    expect(await onceItAnswers(() => store.artifacts.find('AccessToken', access))).toEqual({
      ended: 'revoked by person',
    });
  }
  await store.close();
  await cluster.close();
});

async function pulseOf(server: TestRedis): Promise<number> {
  const link = server.connect();
  const pulse = Number(await link.get('c:{pulse-0}'));
  link.disconnect();
  return pulse;
}
