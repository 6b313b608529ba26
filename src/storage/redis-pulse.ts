/**
 * Notices a Redis that came back different: restarted, failed over, restored from an older file, flushed. What it
 * forgot may be the end of a family, so nobody is answered from it until all ended families have been marked in it
 * again (families.ts). Every second, and after every lost connection, it compares
 *
 * - the run ids of the masters: new at every start of a server and other after a failover;
 * - the pulse, a number in Redis that only grows: smaller or gone means older data under the same run id;
 * - the number of evicted keys.
 *
 * The last comparison that held stands in SQL too (`redis_state`), for the processes that start later.
 */
import type { Kysely } from 'kysely';
import type { FamilyEnder } from './families.ts';
import { type OpenRedis, redisFault } from './redis.ts';
import { readRedisFacts } from './redis-checks.ts';
import { pulseKey } from './redis-keys.ts';
import { defineScripts } from './redis-scripts.ts';
import type { Database } from './tables.ts';
import { StorageUnavailable } from './unavailable.ts';

const BEAT_MS = 1000;
/** While it is not trusted: the wait for those who are told 503 meanwhile. */
const RETRY_MS = 100;
/** How often the pulse is written down in SQL. A data set older than that is noticed by a new process. */
const NOTE_MS = 30_000;
/** On a Cluster, spread over the slots; with three masters each of them has some. */
const CLUSTER_PULSES = 16;

export interface RedisPulse {
  /** @throws StorageUnavailable while Redis is not trusted; costs nothing otherwise */
  gate(): void;
  /** Looks once, and heals if it must; afterwards `gate` tells the outcome. Never throws. */
  check(): Promise<void>;
  start(): void;
  close(): Promise<void>;
}

interface Needs {
  redis: OpenRedis;
  db: Kysely<Database>;
  families: Pick<FamilyEnder, 'reapplyAll'>;
  clock: { now(): number };
  log: Record<'info' | 'warn', (message: string, fields?: Record<string, unknown>) => void>;
}

interface State {
  readonly identity: string;
  /** Each as it was before this look's own beat: a later look sees more. */
  readonly pulses: readonly number[];
  readonly evicted: number;
}

export function createRedisPulse({ redis, db, families, clock, log }: Needs): RedisPulse {
  const script = defineScripts(redis.client);
  let known: State | undefined;
  let knownHeals = -1;
  let trusted = false;
  let breaks = 0;
  let notedAt = 0;
  let silent = false;
  let checking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  redis.onBreak(() => {
    breaks += 1;
    trusted = false;
  });

  async function look(): Promise<State> {
    const masters = redis.masters();
    const pulses = Array.from({ length: redis.isCluster ? CLUSTER_PULSES : 1 }, (_, n) => pulseKey(n));
    const [facts, beats] = await Promise.all([
      Promise.all(masters.map(readRedisFacts)),
      Promise.all(pulses.map((key) => script('beat', [key], []))),
    ]).catch((error: unknown) => {
      throw redisFault(error);
    });
    const evicting = facts.find(({ evictionPolicy }) => (evictionPolicy ?? 'noeviction') !== 'noeviction');
    if (evicting) throw new StorageUnavailable(`Redis evicts (maxmemory-policy ${evicting.evictionPolicy})`);
    if (facts.length === 0) throw new StorageUnavailable('no master of the Redis Cluster is known');
    return {
      identity: facts
        .map(({ runId }) => runId)
        .sort()
        .join(' '),
      pulses: beats.map((beat) => Number(beat ?? 0)),
      evicted: facts.reduce((sum, { evictedKeys }) => sum + evictedKeys, 0),
    };
  }

  async function recall(): Promise<(State & { readonly heals: number }) | undefined> {
    const row = await db.selectFrom('redis_state').selectAll().where('id', '=', 'redis').executeTakeFirst();
    return row && { ...row, pulses: JSON.parse(row.pulses) as number[] };
  }

  async function note(state: State, healed: 0 | 1): Promise<void> {
    const row = { ...state, pulses: JSON.stringify(state.pulses), seen_at: new Date(clock.now()) };
    const { heals } = await db
      .insertInto('redis_state')
      .values({ id: 'redis', heals: healed, ...row })
      .onConflict((same) =>
        same.column('id').doUpdateSet((is) => ({ ...row, heals: is('redis_state.heals', '+', healed) })),
      )
      .returning('heals')
      .executeTakeFirstOrThrow();
    knownHeals = heals;
    notedAt = clock.now();
  }

  /** Whether another process has healed this Redis since we last knew it: then its note is the newer knowledge. */
  async function healedByAnother(seen: State): Promise<boolean> {
    const noted = await recall();
    if (!noted || noted.heals <= knownHeals || !continues(noted, seen)) return false;
    knownHeals = noted.heals;
    return true;
  }

  async function heal(seen: State): Promise<void> {
    trusted = false;
    if (await recall())
      log.warn('Redis came back different: ended families are marked again before it is used');
    else log.info('this Redis is new to this database: ended families are marked before it is used');
    const count = await families.reapplyAll();
    const after = await look();
    if (!continues(seen, after)) throw new StorageUnavailable('Redis changed again meanwhile');
    await note(after, 1);
    log.info('Redis is trusted again', { endedFamilies: count });
  }

  async function verify(): Promise<void> {
    const breaksBefore = breaks;
    const seen = await look();
    if (!continues(known, seen) && !(await healedByAnother(seen))) await heal(seen);
    else if (clock.now() - notedAt > NOTE_MS) await note(seen, 0);
    known = seen;
    // A connection lost while we looked may have been to another server than the one that comes next.
    if (breaks === breaksBefore) trusted = true;
  }

  function check(): Promise<void> {
    checking ??= verify()
      .then(() => {
        silent = false;
      })
      .catch((error: unknown) => {
        trusted = false;
        if (!silent) log.warn('Redis is not trusted', { fault: String(error) });
        silent = true;
      })
      .finally(() => {
        checking = undefined;
      });
    return checking;
  }

  function beat(): void {
    timer = setTimeout(
      () => {
        void check().then(() => {
          if (!closed) beat();
        });
      },
      trusted ? BEAT_MS : RETRY_MS,
    );
    timer.unref();
  }

  return {
    gate: () => {
      if (!trusted) throw new StorageUnavailable('Redis is not trusted yet', { retryAfterSeconds: 1 });
    },
    check,
    start: beat,
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await checking;
    },
  };
}

/** Whether what is seen now can have grown out of what was seen before. */
function continues(before: State | undefined, now: State): boolean {
  if (!before || before.identity !== now.identity || now.evicted > before.evicted) return false;
  return before.pulses.every(
    (pulse, n) => (now.pulses[n] ?? 0) > pulse || (pulse === 0 && now.pulses[n] === 0),
  );
}
