/** `serve`: start, say where it is, run until a signal, stop in order. */
import cluster from 'node:cluster';
import { openLocalSocket } from './cli/local-socket.ts';
import type { Settings } from './config/settings.ts';
import { createLog, type OpenLog } from './observability/log.ts';
import { type Running, start } from './server.ts';
import { releaseStartMemory } from './start-memory.ts';
import { runWorkers } from './workers.ts';

export interface ServeOptions {
  /** Apply pending migrations first. */
  readonly migrate?: boolean;
}

/** Runs until TERM or INT. @returns the exit code. @throws a fault of the start, with everything closed again */
export async function serve(settings: Settings, options: ServeOptions = {}): Promise<number> {
  const pretty = process.stdout.isTTY === true;
  const log = createLog({ level: settings.logLevel, pretty });
  try {
    if (settings.workers > 1 && cluster.isPrimary) return await runWorkers(settings, log, options);
    return await serveAlone(settings, log, options);
  } finally {
    await log.flush();
  }
}

async function serveAlone(settings: Settings, log: OpenLog, options: ServeOptions): Promise<number> {
  // From before it listens: a TERM that comes as soon as somebody is answered stops in order too.
  const signalled = untilSignal(log);
  const running = await start(ownPorts(settings), log, options);
  try {
    // The embedded database serves this process alone: commands come to it by a socket that only its owner may open.
    const socket =
      settings.setup === 'embedded'
        ? await openLocalSocket({ rooms: running.rooms, dataDir: settings.dataDir, log })
        : undefined;
    // Before it says that it is ready: nobody waits for it then.
    releaseStartMemory();
    await greet(running);
    log.info('ready', { issuer: settings.issuer, port: running.port, setup: settings.setup });
    if (settings.mail.kind === 'off') log.warn(WITHOUT_MAIL);
    await signalled;
    await socket?.close();
  } finally {
    await running.stop();
  }
  log.info('stopped');
  // The channel to the first process would keep this one alive.
  cluster.worker?.disconnect();
  return 0;
}

/** Several processes share the main port; each shows its metrics on a port of its own, counted up from the setting. */
function ownPorts(settings: Settings): Settings {
  const number = cluster.worker?.id;
  if (!number || !settings.metrics) return settings;
  return { ...settings, metrics: { ...settings.metrics, port: settings.metrics.port + number - 1 } };
}

/** What the first start tells; later ones tell only the address. */
async function greet({ rooms, settings, port }: Running): Promise<void> {
  if (cluster.isWorker) return;
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(`Cardea serves ${settings.issuer} (listening on ${settings.host}:${port})`);
  if (settings.setup !== 'embedded') return;
  const token = await rooms.setupLink.offer();
  if (!token) return;
  say('');
  say('  Make the first administrator, on this machine, within an hour:');
  say(`    ${settings.issuer}/setup/${token}`);
  say('');
  say('  Then try:');
  say('    npm run demo                              an example app, API and microservice');
  say('    npx cardea client create --help           your first client');
  say(`    ${settings.issuer}/.well-known/openid-configuration`);
  say('');
}

/** Ctrl-C under npm arrives twice, from the terminal and from npm: only a later signal is a second wish. */
const SAME_WISH_MS = 500;

/** The first signal stops in order; a second one ends the process at once. */
function untilSignal(log: OpenLog): Promise<void> {
  return new Promise((resolve) => {
    let first = 0;
    const stop = (signal: NodeJS.Signals) => {
      if (first > 0) {
        if (Date.now() - first > SAME_WISH_MS) process.exit(1);
        return;
      }
      first = Date.now();
      log.info('stopping', { signal });
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}

const WITHOUT_MAIL =
  'no mail: nobody resets a password or signs up, and an unusual sign-in is not asked for a code; set CARDEA_SMTP_URL and CARDEA_MAIL_FROM';
