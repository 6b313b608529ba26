import { createRequire } from 'node:module';
import pino from 'pino';
import { cleanFields, cleanText } from './clean.ts';

/** What operators read. Auditors have the audit events; no secret belongs in either. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A log that adds these fields to every line. */
  child(fields: Record<string, unknown>): Log;
}

/** The first log of a process: whoever opens it flushes it at the end. */
export interface OpenLog extends Log {
  /** Writes what is still in memory. */
  flush(): Promise<void>;
}

export interface LogOptions {
  /** `debug`, `info`, `warn`, `error` or `silent`. */
  readonly level: string;
  /** For people at a terminal; otherwise one JSON document a line. */
  readonly pretty: boolean;
  /** Where lines go instead of standard output. */
  readonly stream?: NodeJS.WritableStream;
}

// While a reader of the log stands still, this much is kept and the rest dropped: sign-ins matter more than lines.
const mostWaitingBytes = 8 * 1024 * 1024;

// Lines go out in pieces of this size, or when this much time has passed: one write for some hundred requests' lines
// instead of one for each. A process that is killed loses at most those of the last tenth of a second; what went wrong
// is written at once.
const writtenAtOnceBytes = 32 * 1024;
const longestWaitMs = 100;

const longestFlushMs = 500;

export function createLog({ level, pretty, stream }: LogOptions): OpenLog {
  const destination = stream ?? (pretty ? prettyStream() : standardOutput());
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: isoTime,
      // Fields are cleaned before they get here; pino's own form of errors would undo that.
      serializers: { err: (clean: unknown) => clean },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return {
    ...wrap(logger),
    flush: () =>
      new Promise((resolve) => {
        // A destination that takes nothing more (a full disk) must not hold up the end of the process.
        const late = setTimeout(resolve, longestFlushMs);
        logger.flush(() => {
          clearTimeout(late);
          resolve();
        });
      }),
  };
}

function standardOutput(): ReturnType<typeof pino.destination> {
  const destination = pino.destination({
    dest: 1,
    sync: false,
    minLength: writtenAtOnceBytes,
    maxWrite: 2 * writtenAtOnceBytes,
    maxLength: mostWaitingBytes,
    periodicFlush: longestWaitMs,
    contentMode: 'buffer',
  });
  // As bytes: what waits as text is put together anew for each line, up to 64 KB of it.
  const write = destination.write.bind(destination) as (line: unknown) => boolean;
  destination.write = (line) => write(Buffer.from(line));
  // A full disk or a closed pipe costs log lines, never requests. Its last write at the exit would try again for
  // ever, so it is left out until a write succeeds.
  const flushSync = destination.flushSync.bind(destination);
  destination.on('error', () => {
    destination.flushSync = () => undefined;
  });
  destination.on('write', () => {
    destination.flushSync = flushSync;
  });
  return destination;
}

let second = -1;
let secondText = '';

/** As pino's own, but the date is put into words once a second. */
function isoTime(): string {
  const now = Date.now();
  const milliseconds = now % 1000;
  if (now - milliseconds !== second) {
    second = now - milliseconds;
    secondText = new Date(now).toISOString().slice(0, 20);
  }
  return `,"time":"${secondText}${String(milliseconds).padStart(3, '0')}Z"`;
}

// Loaded only at a terminal: it costs 40 ms and 10 MB that a server in a container need not pay.
function prettyStream(): NodeJS.WritableStream {
  const load = createRequire(import.meta.url);
  const build: (options: object) => NodeJS.WritableStream = load('pino-pretty');
  return build({ ignore: 'pid', translateTime: 'HH:MM:ss', sync: true });
}

function wrap(logger: pino.Logger): Log {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: Record<string, unknown>) => {
      if (!logger.isLevelEnabled(level)) return;
      logger[level](fields ? cleanFields(fields) : {}, cleanText(message));
      if (level === 'warn' || level === 'error') logger.flush();
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => wrap(logger.child(cleanFields(fields))),
  };
}
