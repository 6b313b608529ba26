/** The Postgres of the plain and the full set-up: a pool that waits for nothing longer than a request may take. */
import pg from 'pg';
import type { Secret } from '../config/secret.ts';
import type { Log } from '../observability/log.ts';
import { asCommand, type RawPool } from './guarded-pool.ts';

// Ten connections a process: a statement here takes 0.2 to 2 ms, so ten carry some thousand a second, and eight
// processes stay below Postgres's default of 100 connections.
const CONNECTIONS = 10;
/** How long a request waits for a connection, ms: made new or given back. Beyond it the answer is 503. */
const ACQUIRE_MS = 2_000;
// No statement of ours scans a table; one that takes seconds waits for a lock or a sick disk. The server gives up
// first (it knows why), our own clock follows for a server that is frozen or cut off.
const STATEMENT_MS = 4_000;
const LOCK_MS = 2_000;
const ANSWER_MS = 5_000;
/** A process that was frozen inside a transaction must not hold its locks against all others. */
const IDLE_IN_TRANSACTION_MS = 10_000;

const INT8 = 20;

/** Connects to nothing yet. */
export function openPostgresPool(o: { databaseUrl: Secret; log: Log }): RawPool {
  const pool = new pg.Pool({
    connectionString: o.databaseUrl.reveal(),
    application_name: 'cardea',
    max: CONNECTIONS,
    connectionTimeoutMillis: ACQUIRE_MS,
    idleTimeoutMillis: 30_000,
    // Spreads over new addresses after a failover behind one name.
    maxLifetimeSeconds: 1_800,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    statement_timeout: STATEMENT_MS,
    lock_timeout: LOCK_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    types: { getTypeParser: typeParserFor },
  });
  // An idle connection that breaks says so here; unheard, it would end the process. The pool has already dropped it.
  pool.on('error', (error) => o.log.warn('an idle database connection broke', { fault: error.message }));
  // The pool takes its own listener away the moment it lends a connection out, and a discarded one has none: last words
  // of the server that arrive just then (57P01, in one packet with the end of the greeting) would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    name: 'postgres',
    answerWithinMs: ANSWER_MS,
    close: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      // A connection that breaks while it is lent out but idle between two statements must not end the process.
      const onError = (error: Error) => o.log.warn('a database connection broke', { fault: error.message });
      client.on('error', onError);
      return {
        query: async (sql, parameters) => {
          const { command, rowCount, rows } = await client.query(sql, [...parameters]);
          return { command: asCommand(command), rowCount: rowCount ?? 0, rows };
        },
        release(discard) {
          client.off('error', onError);
          client.release(discard);
        },
      };
    },
  };
}

/** `bigint` and `count(*)` as numbers, like PGlite gives them; beyond 2^53 as BigInt rather than wrong. */
export function parseInt8(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

const typeParserFor: pg.CustomTypesConfig['getTypeParser'] = (oid: number, format?: 'text' | 'binary') => {
  if (oid === INT8 && format !== 'binary') return parseInt8;
  return pg.types.getTypeParser(oid, format);
};
