/**
 * The seam between Kysely and a driver. Both databases are handed to Kysely's Postgres dialect as a pool; this file
 * wraps such a pool so that every statement is counted, every answer is waited for with a bound, and every fault of a
 * connection arrives as StorageUnavailable. A connection that had one is thrown away, never reused.
 */
import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import { asUnavailable, isConnectionFault, StorageUnavailable } from './unavailable.ts';

export interface RawClient {
  /** Sends one statement. */
  query(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<unknown>>;
  /** Gives the connection back, or throws it away. */
  release(discard: boolean): void;
}

export interface RawPool {
  readonly name: string;
  /** Hands out a connection or rejects in bounded time. */
  connect(): Promise<RawClient>;
  close(): Promise<void>;
  /** How long a statement may stay unanswered, ms; undefined: the backend is in this process and cannot hang. */
  readonly answerWithinMs?: number;
}

export interface GuardedPool extends PostgresPool {
  statementCount(): number;
}

export function guardPool(pool: RawPool): GuardedPool {
  let statements = 0;
  let closing: Promise<void> | undefined;

  const guardClient = (client: RawClient): PostgresPoolClient => {
    let discard = false;
    const query = async (
      sql: unknown,
      parameters?: readonly unknown[],
    ): Promise<PostgresQueryResult<unknown>> => {
      if (typeof sql !== 'string') throw new TypeError('cursors are not used here');
      statements += 1;
      try {
        return await withinBound(client.query(sql, parameters ?? []), pool);
      } catch (error) {
        if (isConnectionFault(error)) discard = true;
        throw asUnavailable(error, pool.name);
      }
    };
    // Kysely declares `query` for cursors too and for any row; this pool never hands out a cursor.
    return {
      query: query as PostgresPoolClient['query'],
      release: (destroy) => client.release(discard || destroy === true),
    };
  };
  return {
    options: {},
    statementCount: () => statements,
    end() {
      closing ??= pool.close();
      return closing;
    },
    async connect() {
      try {
        return guardClient(await pool.connect());
      } catch (error) {
        throw asUnavailable(error, pool.name);
      }
    },
  };
}

/** A server that is frozen or cut off answers nothing, not even an error: without this, requests would pile up. */
async function withinBound<T>(answer: Promise<T>, pool: RawPool): Promise<T> {
  if (pool.answerWithinMs === undefined) return answer;
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StorageUnavailable(`${pool.name} gave no answer in ${pool.answerWithinMs} ms`)),
      pool.answerWithinMs,
    );
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => undefined); // the connection is discarded; its late error has already been reported as silence
  }
}

type Command = PostgresQueryResult<unknown>['command'];

/** Kysely looks at the command to know whether rows were affected; what it does not list it treats like a SELECT. */
export function asCommand(command: string | undefined): Command {
  const known: readonly Command[] = ['UPDATE', 'DELETE', 'INSERT', 'MERGE', 'COMMIT', 'ROLLBACK'];
  return known.find((name) => name === command) ?? 'SELECT';
}
