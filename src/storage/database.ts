/**
 * The database factory: one of the two places that ask for the set-up. Whoever holds the `Kysely` it returns neither
 * knows nor asks whether Postgres or PGlite answers.
 */
import { Kysely, PostgresDialect, sql } from 'kysely';
import type { Settings } from '../config/settings.ts';
import type { Log } from '../observability/log.ts';
import { guardPool, type RawPool } from './guarded-pool.ts';
import type { Database } from './tables.ts';

export interface OpenDatabase {
  readonly db: Kysely<Database>;
  readonly setup: Settings['setup'];
  /** One small query. @throws StorageUnavailable */
  ping(): Promise<void>;
  close(): Promise<void>;
  /** SQL statements that this process has sent, transactions' own included. */
  statementCount(): number;
  /** Bounded upkeep, to be called every minute or so: vacuums one table where no autovacuum runs. */
  tidy(): Promise<void>;
}

/**
 * Opens the database without connecting to Postgres yet, so that a start can say what is wrong and wait.
 * @throws DataDirInUse when another process has the embedded database.
 */
export async function openDatabase(o: {
  settings: Pick<Settings, 'setup' | 'databaseUrl' | 'dataDir'>;
  log: Log;
}): Promise<OpenDatabase> {
  const { setup, databaseUrl, dataDir } = o.settings;
  // Each driver is loaded only where it is used: pg is 8 MB of memory that the embedded set-up does without.
  if (setup === 'embedded') {
    const { openPglitePool } = await import('./pglite.ts');
    const pool = await openPglitePool({ dataDir, log: o.log });
    return open(pool, setup, vacuumInTurn);
  }
  if (!databaseUrl) throw new Error(`the ${setup} set-up needs a database URL`);
  const { openPostgresPool } = await import('./postgres.ts');
  return open(openPostgresPool({ databaseUrl, log: o.log }), setup, () => async () => undefined);
}

function open(
  raw: RawPool,
  setup: Settings['setup'],
  upkeep: (db: Kysely<Database>) => () => Promise<void>,
): OpenDatabase {
  const pool = guardPool(raw);
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return {
    db,
    setup,
    ping: async () => {
      await sql`select 1`.execute(db);
    },
    // `destroy` does not reach a pool that was never used.
    close: async () => {
      await db.destroy();
      await pool.end();
    },
    statementCount: pool.statementCount,
    tidy: upkeep(db),
  };
}

/** The tables whose rows come and go. One a call: a vacuum stops everything else in the embedded set-up. */
const busyTables = ['artifacts', 'counters', 'claims', 'changes', 'session_families'] as const;

function vacuumInTurn(db: Kysely<Database>): () => Promise<void> {
  let turn = 0;
  return async () => {
    const table = busyTables[turn % busyTables.length] ?? 'artifacts';
    turn += 1;
    await sql`vacuum (analyze) ${sql.table(table)}`.execute(db);
  };
}
