/** What one operation asks of Redis and Postgres, counted on the wire of a server that serves nothing else. */

import type { Scene } from './bare-scene.ts';
import { startChild } from './child.ts';
import { readPostgres, readRedis, startCountingProxy } from './counting-proxy.ts';
import { load } from './http-load.ts';
import { operations } from './operations.ts';
import { createSubject } from './subject.ts';

export interface Counts {
  readonly operation: string;
  /** Commands to Redis for one operation. */
  readonly redis: number;
  /** Commands that fetched permits of the rate limits, in batches. */
  readonly limiter: number;
  /** Statements to Postgres for one operation. */
  readonly postgres: number;
  /** Statements that wrote the audit trail and the index of families, in batches, for one operation. */
  readonly batches: number;
}

/** Enough that one command in twenty operations shows, few enough for codes that live for a minute. */
const OPERATIONS = 100;

export async function countRequests(
  environment: Readonly<Record<string, string>>,
  scene: Scene,
): Promise<Counts[]> {
  const redis = await startCountingProxy(environment.REDIS_URL ?? '', readRedis);
  const postgres = await startCountingProxy(environment.DATABASE_URL ?? '', readPostgres);
  const child = await startChild(['bin/cardea.js', 'serve'], {
    ...environment,
    CARDEA_METRICS_PORT: 'off',
    REDIS_URL: redis.url,
    DATABASE_URL: postgres.url,
  });
  try {
    const subject = await createSubject('cardea', child, scene, 1);
    const counts: Counts[] = [];
    for (const operation of operations) {
      const most = operation.most ? OPERATIONS : Number.POSITIVE_INFINITY;
      const requests = OPERATIONS * (operation.requests ?? 1);
      // Warm first: what a process keeps in memory has been read, and permits are taken in batches.
      await load(subject.connections, bounded(await operation.prepare(subject, most), requests), 60);
      const work = await operation.prepare(subject, most);
      redis.take();
      postgres.take();
      await load(subject.connections, bounded(work, requests), 60);
      const commands = redis.take().filter((command) => !isPulse(command));
      const statements = postgres.take().filter((statement) => !isLease(statement));
      counts.push({
        operation: operation.name,
        redis: commands.filter((command) => !isLimiter(command)).length / OPERATIONS,
        limiter: commands.filter(isLimiter).length / OPERATIONS,
        postgres: statements.filter((statement) => !isBatch(statement)).length / OPERATIONS,
        batches: statements.filter(isBatch).length / OPERATIONS,
      });
    }
    return counts;
  } finally {
    await child.stop();
    redis.close();
    postgres.close();
  }
}

function bounded<T extends { next(connection: number): unknown }>(work: T, requests: number): T {
  let left = requests;
  return {
    ...work,
    next: (connection: number) => {
      left -= 1;
      return left >= 0 ? work.next(connection) : undefined;
    },
  };
}

// What goes on without requests: the look at Redis every second (storage/redis-pulse.ts), the lease every half second,
// ends of families that Redis (storage/families.ts) or the index of families has yet to hear of.
const isPulse = (command: string) => /^info|\{pulse-/i.test(command);
const isLease = (statement: string) =>
  /pg_snapshot_xmin|redis_state|"applied" = |update families set ended_at|logout_notices|mail_outbox/.test(
    statement,
  );
const isLimiter = (command: string) => / 1 n:/.test(command);
const isBatch = (statement: string) => /insert into (?:audit_events|families) /.test(statement);
