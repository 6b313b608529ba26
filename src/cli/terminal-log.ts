/** The log of a process that a person started: warnings and errors as lines on standard error, nothing else. */
import { cleanText } from '../observability/clean.ts';
import type { Log } from '../observability/log.ts';

export function createTerminalLog(write: (text: string) => void): Log {
  const say = (message: string, fields?: Record<string, unknown>) => {
    const err = fields?.err;
    write(`cardea: ${cleanText(err instanceof Error ? `${message}: ${err.message}` : message)}\n`);
  };
  const log: Log = { debug: () => undefined, info: () => undefined, warn: say, error: say, child: () => log };
  return log;
}
