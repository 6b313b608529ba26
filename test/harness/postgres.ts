import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { Secret } from '../../src/config/secret.ts';
import { createLog } from '../../src/observability/log.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { migrate } from '../../src/storage/migrator.ts';
import { findBinaries } from './binaries.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { freePort, until } from './ports.ts';

/** A Postgres of one test's own, for faults: stopped, killed and started again as it likes. */
export interface OwnPostgres {
  readonly url: string;
  readonly port: number;
  daemon(): Daemon;
  /** Fast shutdown: connections are cut. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

export interface OwnPostgresOptions {
  /** Directory of initdb and postgres; found when absent. */
  readonly binaries?: string;
  /** Settings as for `-c`. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

// Postgres refuses to run as root: then it runs as the user that Debian's package made.
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export async function startPostgres(options: OwnPostgresOptions = {}): Promise<OwnPostgres> {
  const binaries = options.binaries ?? findBinaries().postgresDir;
  if (!binaries) throw new Error('no Postgres on this machine: install the package postgresql');
  const as = owner();
  const home = mkdtempSync(join(tmpdir(), 'cardea-pg-'));
  chmodSync(home, 0o700);
  if (as.uid !== undefined) chownSync(home, as.uid, as.gid ?? as.uid);
  const data = join(home, 'data');
  execFileSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...as, cwd: home, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const port = await freePort();
  // Nothing here must survive a power cut, so nothing waits for the disk.
  const settings = {
    fsync: 'off',
    full_page_writes: 'off',
    listen_addresses: '127.0.0.1',
    max_connections: 300,
    ...options.settings,
  };
  const args = ['-D', data, '-p', String(port), '-k', home];
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;

  let daemon: Daemon;
  const start = async () => {
    daemon = startDaemon({ command: join(binaries, 'postgres'), args, cwd: home, ...as });
    await until('Postgres', () => queryDatabase(url, 'select 1'));
  };
  await start();
  return {
    url,
    port,
    daemon: () => daemon,
    start,
    stop: () => daemon.stop('SIGINT'),
    kill: () => daemon.kill(),
    close: async () => {
      await daemon.stop('SIGINT');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** One statement on a connection of its own. */
export async function queryDatabase(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

export interface FreshDatabase {
  readonly url: string;
  readonly name: string;
  drop(): Promise<void>;
}

/** In the test server, for one test file or one test: empty, or with all tables where the run has made a template. */
export async function freshDatabase(kind: 'empty' | 'migrated' = 'empty'): Promise<FreshDatabase> {
  const server = process.env.TEST_DATABASE_URL;
  if (!server) throw new Error('TEST_DATABASE_URL is not set: run npm test, or name a Postgres server');
  const name = `cardea_test_${randomBytes(8).toString('hex')}`;
  const template = kind === 'migrated' ? process.env.TEST_DATABASE_TEMPLATE : undefined;
  await queryDatabase(server, `create database ${name}${template ? ` template ${template}` : ''}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    name,
    drop: async () => {
      await queryDatabase(server, `drop database if exists ${name} with (force)`);
    },
  };
}

/**
 * Makes the template of `freshDatabase('migrated')` in the test server: all migrations cost half a second of work, a
 * copy of what they made as little as an empty database.
 */
export async function openTemplate(): Promise<{ close(): Promise<void> }> {
  const { name, url, drop } = await freshDatabase();
  const settings = { setup: 'plain' as const, databaseUrl: new Secret(url), dataDir: '' };
  const database = await openDatabase({ settings, log: createLog({ level: 'silent', pretty: false }) });
  await migrate(database.db);
  await database.close();
  process.env.TEST_DATABASE_TEMPLATE = name;
  return { close: drop };
}
