/** An installation to break: its stores, what was made in it, several real processes, one address in front of them. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createLog } from '../../src/observability/log.ts';
import { openRooms, type Rooms } from '../../src/rooms.ts';
import { masterKeysOf } from '../../src/server.ts';
import { freePort } from '../harness/ports.ts';
import type { OwnPostgres } from '../harness/postgres.ts';
import type { TestRedis } from '../harness/redis-server.ts';
import {
  type Person,
  type SeededClient,
  seedApi,
  seedClient,
  seedPerson,
  seedWebClient,
} from '../harness/seed.ts';
import { type Stores, settingsOf } from '../harness/server.ts';
import { type Spawned, spawnServer } from '../harness/two.ts';
import { openWire, type Wire } from './proxy.ts';

/** Limits are another test's matter. */
export const wide: Readonly<Record<string, string>> = {
  CARDEA_LIMIT_TOKEN_PER_NETWORK: '10000000/1m',
  CARDEA_LIMIT_TOKEN_PER_CLIENT: '10000000/1m',
  CARDEA_LIMIT_INTROSPECT_PER_NETWORK: '10000000/1m',
  CARDEA_LIMIT_AUTHORIZE_PER_NETWORK: '1000000/1m',
  CARDEA_LIMIT_PAGES_PER_NETWORK: '1000000/1m',
};

export interface Seeds {
  readonly person: Person;
  readonly web: SeededClient;
  readonly service: SeededClient;
  readonly audience: string;
}

export interface World {
  readonly issuer: string;
  readonly host: string;
  readonly seeds: Seeds;
  /** Postgres set-ups only: the rooms of one more process, for what an operator does and for looking. */
  readonly rooms: Rooms;
  /** What the issuer's port is: in front of all processes that run. */
  readonly balancer: Wire;
  readonly processes: readonly Spawned[];
  /** One more process; several of them share the address. `own`: settings for it alone, such as another way to a store. */
  spawn(nodeOptions?: readonly string[], own?: Readonly<Record<string, string>>): Promise<Spawned>;
  /** What all processes, dead ones too, have logged as errors. */
  errors(): readonly string[];
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly processes?: number;
  /** For the rooms of the test itself, when the processes reach their stores by a proxy. */
  readonly direct?: Readonly<Record<string, string>>;
  /** What a load balancer does that looks at `/health/ready`: those it leaves out get no new connection. */
  readonly isInFront?: (one: Spawned) => boolean;
  /** The issuer's path, such as `/id`. */
  readonly path?: string;
  /** Hears everything that passes between clients and servers. */
  readonly onBytes?: (connection: number, chunk: Buffer) => void;
}

/** Stores of one's own, which may be killed. */
export function ownStores(postgres: { url: string }, redis?: { url: string }): Stores {
  return {
    environment: {
      DATABASE_URL: postgres.url,
      CARDEA_MASTER_KEY: randomBytes(32).toString('base64'),
      ...(redis ? { REDIS_URL: redis.url } : {}),
    },
    drop: async () => undefined,
  };
}

/** A database of its own on a server that others use too. */
export async function ownDatabase(postgres: { url: string }, name: string): Promise<{ url: string }> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`drop database if exists ${name} with (force)`);
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  return { url: url.href };
}

export async function openWorld(stores: Stores, options: WorldOptions = {}): Promise<World> {
  const environment = { ...wide, ...options.environment };
  const port = await freePort();
  const issuer = `http://localhost:${port}${options.path ?? ''}`;
  const settings = settingsOf({
    ...stores.environment,
    ...environment,
    ...options.direct,
    CARDEA_ISSUER: issuer,
    CARDEA_METRICS_PORT: 'off',
  });
  const rooms = await openRooms({
    settings,
    masterKeys: masterKeysOf(settings),
    log: createLog({ level: 'silent', pretty: false }),
    applyMigrations: true,
  });
  const seeds = await seedAll(rooms);
  // PGlite serves one process: the servers that follow.
  if (settings.setup === 'embedded') await rooms.close();
  else rooms.lease.start();

  const processes: Spawned[] = [];
  const killAll = () => {
    for (const { child } of processes) child.kill('SIGKILL');
  };
  process.once('exit', killAll);
  const running = () => processes.filter(({ child }) => child.exitCode === null && child.signalCode === null);
  const balancer = await openWire({
    targets: () =>
      running()
        .filter(options.isInFront ?? (() => true))
        .map((one) => one.port),
    port,
    ...(options.onBytes ? { onBytes: options.onBytes } : {}),
  });
  const world: World = {
    issuer,
    host: new URL(issuer).host,
    seeds,
    rooms,
    balancer,
    get processes() {
      return running();
    },
    async spawn(nodeOptions = [], own = {}) {
      const spawned = await spawnServer(stores, {
        issuer,
        port: await freePort(),
        environment: { ...environment, ...own },
        nodeOptions,
      });
      processes.push(spawned);
      return spawned;
    },
    errors: () =>
      processes.flatMap((one) => [
        // Neither killed by a drill nor told to stop: it fell.
        ...(one.child.exitCode ? [`exit ${one.child.exitCode}: ${one.output().slice(-1_400)}`] : []),
        ...one
          .output()
          .split('\n')
          .filter((line) => line.includes('"level":"error"')),
      ]),
    async close() {
      await balancer.close();
      await Promise.all(running().map((one) => one.kill()));
      process.off('exit', killAll);
      if (settings.setup !== 'embedded') await rooms.close();
    },
  };
  await Promise.all(Array.from({ length: options.processes ?? 1 }, () => world.spawn())).catch(
    async (error: unknown) => {
      await world.close();
      throw error;
    },
  );
  return world;
}

async function seedAll(rooms: Rooms): Promise<Seeds> {
  const audience = await seedApi(rooms);
  return {
    audience,
    person: await seedPerson(rooms),
    web: await seedWebClient(rooms, { resources: [audience] }),
    service: await seedClient(rooms, {
      name: 'Worker',
      type: 'service',
      resources: [audience],
      defaultResource: audience,
    }),
  };
}

/** SIGSTOP or SIGCONT to every process of Postgres: its connections are served by children. */
export async function signalPostgres(postgres: OwnPostgres, signal: NodeJS.Signals): Promise<void> {
  const { pid } = postgres.daemon();
  for (const one of [pid, ...(await childrenOf(pid))]) {
    try {
      process.kill(one, signal);
    } catch {
      // It ended meanwhile.
    }
  }
}

/** kill -9 of the postmaster; returns when its children have gone too, so that it can start again. */
export async function killPostgres(postgres: OwnPostgres): Promise<void> {
  const children = await childrenOf(postgres.daemon().pid);
  await postgres.kill();
  for (const child of children) while (isAlive(child)) await new Promise((r) => setTimeout(r, 20));
}

export async function redisPid(redis: TestRedis): Promise<number> {
  const link = redis.connect();
  const facts = await link.info('server');
  link.disconnect();
  return Number(/process_id:(\d+)/.exec(facts)?.[1]);
}

async function childrenOf(pid: number): Promise<number[]> {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
