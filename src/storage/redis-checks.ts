/**
 * Whether a Redis may hold what we keep in it. An eviction policy would drop replay guards, counters and the marks of
 * ended families silently; without an append-only file a crash loses all of them.
 */
import type { Redis } from 'ioredis';

/** What INFO says about one server. */
export interface RedisFacts {
  readonly version: string;
  /** New at every start of the server; empty where a provider hides it. */
  readonly runId: string;
  readonly evictionPolicy?: string;
  readonly appendOnly?: boolean;
  readonly evictedKeys: number;
}

/** Scripts, hash fields and RESP3 as we use them. */
const OLDEST = [6, 2] as const;

/** One command. */
export async function readRedisFacts(master: Redis): Promise<RedisFacts> {
  const lines = new Map<string, string>();
  for (const line of (await master.info()).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) lines.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const policy = lines.get('maxmemory_policy');
  const aof = lines.get('aof_enabled');
  return {
    version: lines.get('redis_version') ?? '',
    runId: lines.get('run_id') ?? '',
    ...(policy === undefined ? {} : { evictionPolicy: policy }),
    ...(aof === undefined ? {} : { appendOnly: aof === '1' }),
    evictedKeys: Number(lines.get('evicted_keys') ?? 0),
  };
}

/** Thrown at start: nothing has been written. The message names every fault and its cure. */
export class UnfitRedis extends Error {
  override readonly name = 'UnfitRedis';
}

/**
 * @param lossAccepted the setting that lets a Redis without append-only file pass
 * @throws UnfitRedis with all faults in one message
 */
export async function checkRedis(
  masters: readonly Redis[],
  { lossAccepted, log }: { lossAccepted: boolean; log: { warn(message: string): void } },
): Promise<void> {
  const faults = new Set<string>();
  for (const master of masters) {
    const facts = await readRedisFacts(master);
    const [major = 0, minor = 0] = facts.version.split('.').map(Number);
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
      faults.add(
        `Redis ${facts.version || '(unknown version)'} is too old: ${OLDEST.join('.')} or later is needed`,
      );
    }
    const policy = facts.evictionPolicy ?? (await configured(master, 'maxmemory-policy'));
    if (policy === undefined) {
      log.warn('Redis does not tell its eviction policy; it must be noeviction, see to it yourself');
    } else if (policy !== 'noeviction') {
      faults.add(`Redis evicts (maxmemory-policy ${policy}): set maxmemory-policy noeviction`);
    }
    const appendOnly = facts.appendOnly ?? (await configured(master, 'appendonly'))?.startsWith('yes');
    if (lossAccepted) continue;
    if (appendOnly === undefined) {
      log.warn('Redis does not tell whether it keeps an append-only file; it should, see to it yourself');
    } else if (!appendOnly) {
      faults.add('Redis keeps no append-only file and would forget all at a crash: set appendonly yes');
    }
  }
  if (faults.size > 0) throw new UnfitRedis([...faults].join('; '));
}

/** CONFIG GET where INFO leaves a fact out; undefined where it is forbidden, as on many hosted servers. */
async function configured(master: Redis, name: string): Promise<string | undefined> {
  try {
    const pair: unknown = await master.config('GET', name);
    return Array.isArray(pair) && typeof pair[1] === 'string' ? pair[1] : undefined;
  } catch (error) {
    if (error instanceof Error && /NOPERM|unknown command|ERR/i.test(error.message)) return undefined;
    throw error;
  }
}
