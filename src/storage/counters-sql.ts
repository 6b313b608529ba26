/** Counters in SQL: one upsert adds, opens a window when none is open, and tells the count. */
import { type Kysely, sql } from 'kysely';
import type { Clock } from '../config/clock.ts';
import type { Counted, Counters } from './counters.ts';
import { digest } from './digest.ts';
import type { Database } from './tables.ts';

interface CounterRow {
  key: string;
  count: number;
  reset_at: Date;
}

interface Hit {
  readonly key: string;
  readonly windowSeconds: number;
  readonly amount: number;
}

export function createSqlCounters({ db, clock }: { db: Kysely<Database>; clock: Clock }): Counters {
  async function add(hits: readonly Hit[]): Promise<readonly Counted[]> {
    if (hits.length === 0) return [];
    const now = new Date(clock.now());
    // One row a key, in one order for everybody, so that two statements never wait for each other in a circle.
    const byKey = new Map<string, { until: Date; amount: number }>();
    for (const { key, windowSeconds, amount } of hits) {
      const before = byKey.get(digest(key))?.amount ?? 0;
      byKey.set(digest(key), {
        until: new Date(now.getTime() + windowSeconds * 1000),
        amount: before + amount,
      });
    }
    const values = [...byKey]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, { until, amount }]) => sql`(${key}, ${amount}::bigint, ${until}::timestamptz)`);
    const { rows } = await sql<CounterRow>`
      insert into counters (key, count, reset_at) values ${sql.join(values)}
      on conflict (key) do update set
        count = case when counters.reset_at <= ${now} then excluded.count else counters.count + excluded.count end,
        reset_at = case when counters.reset_at <= ${now} then excluded.reset_at else counters.reset_at end
      returning key, count, reset_at`.execute(db);
    const counted = new Map(
      rows.map((row) => [row.key, { count: row.count, resetAt: row.reset_at.getTime() }]),
    );
    return hits.map(({ key }) => {
      const found = counted.get(digest(key));
      if (!found) throw new Error('a counter was not answered');
      return found;
    });
  }

  return {
    hit: async (key, windowSeconds, amount = 1) => {
      const [counted] = await add([{ key, windowSeconds, amount }]);
      if (!counted) throw new Error('a counter was not answered');
      return counted;
    },
    hitAll: (hits) => add(hits.map((hit) => ({ ...hit, amount: 1 }))),
    read: async (key) => {
      const { rows } = await sql<CounterRow>`
        select key, count, reset_at from counters
        where key = ${digest(key)} and reset_at > ${new Date(clock.now())}`.execute(db);
      const [row] = rows;
      return row && { count: row.count, resetAt: row.reset_at.getTime() };
    },
    clear: async (key) => {
      await sql`delete from counters where key = ${digest(key)}`.execute(db);
    },
  };
}
