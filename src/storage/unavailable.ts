/**
 * The one way in which a store says "not now". Doors above turn it into 503 with `Retry-After`; nothing else does.
 */

export class StorageUnavailable extends Error {
  override readonly name = 'StorageUnavailable';
  /** Seconds until it is worth asking again, 1 to 5; spread so that callers do not come back all at once. */
  readonly retryAfterSeconds: number;

  constructor(message: string, options?: { readonly cause?: unknown; readonly retryAfterSeconds?: number }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfterSeconds = options?.retryAfterSeconds ?? 1 + Math.floor(Math.random() * 3);
  }
}

// node's system calls: the other side is not there, went away, or has no name right now.
const SYSTEM_FAULTS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOENT', // a Unix socket whose server is gone
]);

// PostgreSQL appendix A, by class: 08 connection, 53 resources (too many connections, disk full), 57P operator
// (shutdown, crash, starting up, idle session), 58 system. One by one: 25006 read-only (a demoted primary), 25P03
// idle in transaction, 40001 and 40P01 (the loser of a deadlock may try again), 55P03 lock timeout, 57014 statement
// timeout.
const SQL_FAULT = /^(?:08|53|57P|58)|^(?:25006|25P03|40001|40P01|55P03|57014)$/;

// pg, its pool, ioredis and PGlite have no codes for these.
const FAULT_TEXT = new RegExp(
  [
    'Connection terminated',
    'connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'not queryable',
    'Cannot use a pool after calling end',
    'Connection is closed',
    'Command timed out',
    'max retries per request',
    'Failed to refresh slots cache',
    'All sentinels are unreachable',
    "Stream isn't writeable",
    'Socket closed unexpectedly',
    'Socket timeout',
    'PGlite is clos',
  ].join('|'),
  'i',
);
// The first word of an error answer of Redis: it is loading, read-only, without quorum, full, or the slot moves.
const REDIS_FAULT =
  /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MISCONF|NOREPLICAS|OOM|BUSY|UNBLOCKED)\b/;
const FAULT_NAMES = new Set(['MaxRetriesPerRequestError', 'ClusterAllFailedError', 'AbortError']);

/** True when the fault lies with the connection or the server's state, not with the statement that was sent. */
export function isConnectionFault(error: unknown): boolean {
  if (error instanceof StorageUnavailable) return true;
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isConnectionFault)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (SYSTEM_FAULTS.has(code) || (code.length === 5 && SQL_FAULT.test(code))) return true;
  return FAULT_NAMES.has(error.name) || REDIS_FAULT.test(error.message) || FAULT_TEXT.test(error.message);
}

/** The same error, or {@link StorageUnavailable} around it when {@link isConnectionFault}. */
export function asUnavailable(error: unknown, store: string): unknown {
  if (error instanceof StorageUnavailable || !isConnectionFault(error)) return error;
  const reason = error instanceof Error ? error.message : 'no answer';
  return new StorageUnavailable(`${store} does not answer: ${reason}`, { cause: error });
}
