/**
 * Chooses where artifacts and counters live: in Redis when there is one, otherwise in the database. With
 * database.ts the only place that asks for the set-up.
 */
import type { Secret } from '../config/secret.ts';
import type { Artifacts } from './artifacts.ts';
import { createRedisArtifacts } from './artifacts-redis.ts';
import { createSqlArtifacts } from './artifacts-sql.ts';
import type { Counters } from './counters.ts';
import { createRedisCounters } from './counters-redis.ts';
import { createSqlCounters } from './counters-sql.ts';
import type { OpenDatabase } from './database.ts';
import { createFamilyEnder, type FamilyEnder } from './families.ts';
import { type OpenRedis, openRedis } from './redis.ts';
import { checkRedis } from './redis-checks.ts';
import { createRedisPulse } from './redis-pulse.ts';
import type { Sealing } from './sealing.ts';

/** How soon an ended family whose tombstone failed is tried again: by any process, so one second covers a partition. */
const OUTBOX_MS = 1000;

export interface OpenArtifacts {
  readonly artifacts: Artifacts;
  readonly counters: Counters;
  /** The one way to end families for good. */
  readonly families: FamilyEnder;
  /** Only where there is a Redis. */
  readonly redis?: OpenRedis;
  close(): Promise<void>;
}

interface Needs {
  settings: {
    readonly setup: 'embedded' | 'plain' | 'full';
    readonly redisUrl?: Secret;
    readonly redisLossAccepted: boolean;
    readonly redisWaitReplicas: number;
  };
  database: Pick<OpenDatabase, 'db'>;
  sealing: Sealing;
  clock: { now(): number };
  log: Record<'info' | 'warn', (message: string, fields?: Record<string, unknown>) => void>;
}

/** @throws StorageUnavailable when Redis does not answer, UnfitRedis when it may not be used as it is set up */
export async function openArtifacts(needs: Needs): Promise<OpenArtifacts> {
  const { settings } = needs;
  if (settings.setup !== 'full') return openInSql(needs);
  if (!settings.redisUrl) throw new TypeError('the full set-up has a REDIS_URL');
  const redis = await openRedis({ url: settings.redisUrl.reveal(), log: needs.log });
  try {
    await checkRedis(redis.masters(), { lossAccepted: settings.redisLossAccepted, log: needs.log });
    return await openInRedis(redis, needs);
  } catch (error) {
    await redis.close();
    throw error;
  }
}

async function openInSql({ database: { db }, sealing, clock, log }: Needs): Promise<OpenArtifacts> {
  const artifacts = createSqlArtifacts({ db, sealing, clock });
  const families = createFamilyEnder({ db, artifacts, clock, log });
  families.start(OUTBOX_MS);
  return {
    artifacts,
    counters: createSqlCounters({ db, clock }),
    families,
    close: async () => {
      await families.close();
      await artifacts.close();
    },
  };
}

async function openInRedis(
  redis: OpenRedis,
  { settings: { redisWaitReplicas: waitReplicas }, database: { db }, sealing, clock, log }: Needs,
): Promise<OpenArtifacts> {
  // Healing writes tombstones into a Redis that is not trusted yet, so it goes round the gate.
  const ungated = createRedisArtifacts({ redis, sealing, clock, log });
  const families = createFamilyEnder({ db, artifacts: ungated, clock, log });
  const pulse = createRedisPulse({ redis, db, families, clock, log });
  await pulse.check();
  pulse.start();
  families.start(OUTBOX_MS);
  const gated = createRedisArtifacts({ redis, sealing, clock, log, gate: pulse.gate, waitReplicas });
  return {
    artifacts: durable(gated, families),
    counters: createRedisCounters({ redis, clock }),
    families,
    redis,
    close: async () => {
      await pulse.close();
      await families.close();
      await redis.close();
    },
  };
}

/** What ends something goes to SQL as well, so that no Redis that forgot can bring it back, whoever calls. */
function durable(artifacts: Artifacts, families: FamilyEnder): Artifacts {
  return {
    ...artifacts,
    endFamily: (family, reason, ttlSeconds) => families.end([family], reason, ttlSeconds),
    denyToken: families.denyToken,
    commit: async (c) => {
      const outcome = await artifacts.commit(c);
      if (outcome.kind === 'theft') await families.end([c.family], 'replayed');
      return outcome;
    },
  };
}
