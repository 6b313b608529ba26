/** One server process: opens the rooms, listens, and stops in order. */

import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createApp } from './app.ts';
import { openMasterKey } from './config/master-key.ts';
import type { Secret } from './config/secret.ts';
import type { Settings } from './config/settings.ts';
import { createGauges } from './gauges.ts';
import { createHealth } from './observability/health.ts';
import type { Log } from './observability/log.ts';
import { openMetricsServer } from './observability/metrics-server.ts';
import { openRooms, type Rooms } from './rooms.ts';
import { createUpkeep } from './upkeep.ts';
import { createDrain } from './web/drain.ts';
import { createHealthDoor } from './web/health-door.ts';
import { serverOptions, tuneServer } from './web/server-limits.ts';

export interface Running {
  readonly rooms: Rooms;
  readonly settings: Settings;
  /** Where it listens; differs from the setting when that was 0. */
  readonly port: number;
  /** Stops accepting, lets requests in flight finish, closes the rooms in reverse order. */
  stop(): Promise<void>;
}

/** The master keys: from the settings, or in the embedded set-up from the data directory. @throws Error with a sentence */
export function masterKeysOf(settings: Settings): readonly Secret[] {
  if (settings.masterKeys) return settings.masterKeys;
  const opened = openMasterKey(settings.dataDir);
  if (opened.kind === 'fault') throw new Error(opened.fault);
  return opened.keys;
}

/** Opens everything and listens. @throws what openRooms throws, or the fault of the listener */
export async function start(
  settings: Settings,
  log: Log,
  options: { migrate?: boolean } = {},
): Promise<Running> {
  const rooms = await openRooms({
    settings,
    masterKeys: masterKeysOf(settings),
    log,
    applyMigrations: options.migrate === true,
  });
  try {
    rooms.lease.start();
    rooms.keys.start();
    rooms.refusals.start();
    rooms.mail.start();
    await rooms.lease.renew();
    const health = createHealth({
      checks: {
        database: rooms.database.ping,
        artifacts: rooms.artifacts.ping,
        keys: async () => {
          if (rooms.keys.current().publicKeys.length === 0) throw new Error('no signing keys');
        },
      },
      clock: rooms.clock,
      log,
      metrics: rooms.metrics,
    });
    const app = await createApp(rooms, createHealthDoor(health));
    const server = createServer(settings, app.callback());
    tuneServer(server);
    const drain = createDrain(server);
    const metricsServer =
      settings.metrics && (await openMetricsServer({ ...settings.metrics, metrics: rooms.metrics, log }));
    const upkeep = createUpkeep(rooms);
    const gauges = createGauges(rooms);
    await listen(server, settings);
    upkeep.start();
    gauges.start();
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : settings.port;

    return {
      rooms,
      settings,
      port,
      async stop() {
        health.stopping();
        await drain();
        await metricsServer?.close();
        gauges.close();
        await upkeep.close();
        await rooms.close();
      },
    };
  } catch (error) {
    await rooms.close();
    throw error;
  }
}

function createServer(settings: Settings, handler: Parameters<typeof createHttpServer>[1]): Server {
  if (!settings.tls) return createHttpServer(serverOptions, handler);
  const { certFile, keyFile } = settings.tls;
  return createHttpsServer(
    { ...serverOptions, cert: readFileSync(certFile), key: readFileSync(keyFile), minVersion: 'TLSv1.2' },
    handler,
  );
}

function listen(server: Server, { port, host }: Settings): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
