/**
 * One process a data directory: two PGlites on one directory both report success, and one loses all its rows.
 *
 * The lock is the name of an abstract Unix socket, which the kernel frees with the process, however it dies. Beside
 * it `lock.json` says who has it, and its time of writing is a heartbeat: that holds between containers that share a
 * volume but not a kernel namespace, and on systems without abstract sockets.
 */
import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** How often the holder touches the file, and after how long without a touch it counts as gone, ms. */
const HEARTBEAT_MS = 2_000;
const GONE_MS = 10_000;
const LOOK_AGAIN_MS = 250;

export interface DataDirLock {
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
}

/** Another process has the directory; the message says which and what to do. */
export class DataDirInUse extends Error {
  override readonly name = 'DataDirInUse';
  readonly pid: number | undefined;

  constructor(dataDir: string, holder: Holder | undefined) {
    const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
    super(
      `the data directory ${dataDir} is in use by ${who}: stop that process, or set CARDEA_DATA_DIR to another`,
    );
    this.pid = holder?.pid;
  }
}

/** Takes the directory, which must exist, for this process. @throws DataDirInUse */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const file = join(dataDir, 'lock.json');
  const socket = process.platform === 'linux' ? await holdName(dataDir) : undefined;
  if (socket === 'taken') throw new DataDirInUse(dataDir, await holderOnceWritten(file));
  try {
    await waitUntilGone(dataDir, file, socket !== undefined);
    const holder: Holder = { pid: process.pid, host: hostname() };
    await writeFile(file, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  } catch (error) {
    socket?.close();
    throw error;
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined); // a removed file is a lost heartbeat, not a lost lock
  }, HEARTBEAT_MS).unref();
  return {
    async release() {
      clearInterval(heartbeat);
      await rm(file, { force: true });
      socket?.close();
    },
  };
}

/** The directory's device and inode name it, whatever path, link or mount leads there. */
async function holdName(dataDir: string): Promise<Server | 'taken'> {
  const { dev, ino } = await stat(dataDir);
  const server = createServer((connection) => connection.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve('taken');
      else reject(error);
    });
    // exclusive: a worker of node:cluster would otherwise share the socket of its siblings.
    const path = `\0cardea-data-dir-${dev}-${ino}`;
    server.listen({ path, exclusive: true }, () => resolve(server.unref()));
  });
}

/**
 * A file is left when the last holder was killed. On this host the socket or the process table tells at once; a
 * holder elsewhere is gone when its heartbeat stays away.
 */
async function waitUntilGone(dataDir: string, file: string, socketHeld: boolean): Promise<void> {
  const holder = await readHolder(file);
  if (!holder) return;
  if (holder.host === hostname() && (socketHeld || !isAlive(holder.pid))) return;
  const seen = await touchedAt(file);
  for (let waited = 0; waited < GONE_MS; waited += LOOK_AGAIN_MS) {
    const now = await touchedAt(file);
    if (now === undefined) return;
    if (now !== seen) throw new DataDirInUse(dataDir, holder);
    // Clocks of two hosts may differ, so only a heartbeat that is long past on our clock is believed without waiting.
    if (Date.now() - now > 60 * GONE_MS) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** The holder writes the file just after it has the name: give it a second. */
async function holderOnceWritten(file: string): Promise<Holder | undefined> {
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const holder = await readHolder(file);
    if (holder && holder.host === hostname() && isAlive(holder.pid)) return holder;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  return undefined;
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('host' in value))
      return undefined;
    return typeof value.pid === 'number' && typeof value.host === 'string'
      ? { pid: value.pid, host: value.host }
      : undefined;
  } catch {
    return undefined; // absent, or cut off by a crash while it was written: the socket decides alone
  }
}

async function touchedAt(file: string): Promise<number | undefined> {
  return stat(file).then(
    (found) => found.mtimeMs,
    () => undefined,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
