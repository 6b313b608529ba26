/** One server process: opens the rooms, listens, and stops in order. */

import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
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
import { throughMutualTls } from './web/client-certificate.ts';
import { createDrain } from './web/drain.ts';
import { createHealthDoor } from './web/health-door.ts';
import { serverOptions, tuneServer } from './web/server-limits.ts';
import { warnOfUselessPasskeys } from './wiring-passkeys.ts';

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
    await warnOfUselessPasskeys(rooms);
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
    const mutualTls =
      settings.mutualTls?.listener && createMutualTlsServer(settings.mutualTls.listener, app.callback());
    if (mutualTls) tuneServer(mutualTls);
    const drainMutualTls = mutualTls && createDrain(mutualTls);
    const metricsServer =
      settings.metrics && (await openMetricsServer({ ...settings.metrics, metrics: rooms.metrics, log }));
    const upkeep = createUpkeep(rooms);
    const gauges = createGauges(rooms);
    await listen(server, settings);
    if (mutualTls && settings.mutualTls?.listener) {
      await listen(mutualTls, { host: settings.host, port: settings.mutualTls.listener.port });
    }
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
        await Promise.all([drain(), drainMutualTls?.()]);
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

/**
 * Asks every client for a certificate and takes any: whether it is registered, or issued by whom, is for client
 * authentication to say (RFC 8705 section 2). No names of authorities are sent, by which clients with certificates of
 * their own would choose none. Nothing is resumed: each connection shows the certificate anew.
 */
function createMutualTlsServer(
  { certFile, keyFile }: NonNullable<NonNullable<Settings['mutualTls']>['listener']>,
  handler: RequestListener,
): Server {
  return createHttpsServer(
    {
      ...serverOptions,
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
      minVersion: 'TLSv1.2',
      requestCert: true,
      rejectUnauthorized: false,
      secureOptions: constants.SSL_OP_NO_TICKET,
    },
    throughMutualTls(handler),
  );
}

function listen(server: Server, { port, host }: Pick<Settings, 'port' | 'host'>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
