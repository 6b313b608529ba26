import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Below what a system gives to whoever asks for any port (32768 and up on Linux) and to outgoing connections, and without
 * one that fetch refuses. A Redis Cluster's bus takes the port 10,000 above.
 */
const FIRST = 6_700;
const COUNT = 3_380;

/** A file for each port that was handed out: run.ts makes the directory, so that no two test files get the same one. */
const given = process.env.TEST_PORTS ?? ownDirectory();

/**
 * A loopback port that nobody has, and that no other test is given while this run lasts: it may be bound seconds later.
 */
export async function freePort(): Promise<number> {
  const start = Math.floor(Math.random() * COUNT);
  for (let n = 0; n < COUNT; n += 1) {
    const port = FIRST + ((start + n) % COUNT);
    if (claim(port) && (await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
  throw new Error('no port is left');
}

function claim(port: number): boolean {
  try {
    closeSync(openSync(join(given, String(port)), 'wx'));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (!(await listening)) return false;
  server.close();
  await once(server, 'close');
  return true;
}

/** For what runs outside `npm test`. */
function ownDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'cardea-ports-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Asks again every 20 ms until `probe` succeeds; its last error when it never did. */
export async function until<T>(what: string, probe: () => Promise<T>, withinMs = 20_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (performance.now() > deadline)
        throw new Error(`${what}: not within ${withinMs} ms`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
