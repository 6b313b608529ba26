/**
 * A whole Cardea for tests: in this process (`startServer`), where a test can seed and look inside, or as a process of
 * its own (`spawnServer`), where it can be killed.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings, type Settings } from '../../src/config/settings.ts';
import { createLog, type Log } from '../../src/observability/log.ts';
import type { Rooms } from '../../src/rooms.ts';
import { start } from '../../src/server.ts';
import { freePort } from './ports.ts';
import { freshDatabase } from './postgres.ts';
import { freshRedis } from './redis.ts';

export type Setup = 'embedded' | 'plain' | 'full';

const quick = { CARDEA_METRICS_PORT: 'off' };

/** Stores of a set-up, made for one test file. */
export interface Stores {
  readonly environment: Readonly<Record<string, string>>;
  drop(): Promise<void>;
}

/** @param tables on Postgres: none yet, or all */
export async function freshStores(setup: Setup, tables: 'empty' | 'migrated' = 'migrated'): Promise<Stores> {
  if (setup === 'embedded') {
    const dataDir = mkdtempSync(join(tmpdir(), 'cardea-data-'));
    return {
      environment: { CARDEA_DATA_DIR: dataDir },
      drop: async () => rmSync(dataDir, { recursive: true, force: true }),
    };
  }
  const database = await freshDatabase(tables);
  const redis = setup === 'full' ? await freshRedis() : undefined;
  return {
    environment: {
      DATABASE_URL: database.url,
      CARDEA_MASTER_KEY: randomBytes(32).toString('base64'),
      ...(redis ? { REDIS_URL: redis.url } : {}),
    },
    drop: async () => {
      await redis?.drop();
      await database.drop();
    },
  };
}

export interface TestServer {
  readonly issuer: string;
  readonly rooms: Rooms;
  readonly settings: Settings;
  stop(): Promise<void>;
}

export interface TestServerOptions {
  /** More settings by their environment names. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Another process's issuer, for several on one address. */
  readonly issuer?: string;
  readonly log?: Log;
}

/** Starts the server in this process, migrated, on a free loopback port. */
export async function startServer(stores: Stores, options: TestServerOptions = {}): Promise<TestServer> {
  const port = await freePort();
  const issuer = options.issuer ?? `http://localhost:${port}`;
  const settings = settingsOf({
    ...stores.environment,
    ...quick,
    PORT: String(port),
    CARDEA_HOST: '127.0.0.1',
    CARDEA_ISSUER: issuer,
    ...options.environment,
  });
  const running = await start(
    settings,
    options.log ?? createLog({ level: process.env.TEST_LOG ?? 'silent', pretty: false }),
    {
      migrate: true,
    },
  );
  return { issuer: settings.issuer, rooms: running.rooms, settings, stop: running.stop };
}

export function settingsOf(environment: Record<string, string>): Settings {
  const read = readSettings(environment);
  if (read.kind === 'faults') throw new Error(read.faults.join('\n'));
  return read.settings;
}
