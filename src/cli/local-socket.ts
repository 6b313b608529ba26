/**
 * The server's side of the local socket: the embedded database serves one process, so while a server has it, commands
 * come to that server. Whoever may open the data directory may do everything anyway (its database and its master key
 * are there), so the file's own rights are the whole check: the directory 0700, the socket 0600.
 */
import { chmod, rm, stat } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Log } from '../observability/log.ts';
import { parseCommandLine } from './arguments.ts';
import { failed } from './command.ts';
import { execute } from './execute.ts';
import { MAX_REQUEST_BYTES, parseRequest, readLine } from './frames.ts';
import { type Output, outputOf } from './output.ts';
import { roomCommands } from './room-commands.ts';
import type { RoomsForCommands } from './rooms-for-commands.ts';
import { socketPath } from './socket-path.ts';

export interface LocalSocket {
  /** Accepts no more; commands that run are finished and answered. */
  close(): Promise<void>;
}

/** One person, or a few scripts of theirs; each holds one connection. */
const MAX_CONNECTIONS = 32;
/** From connecting to the whole request: it is written in one go. */
const REQUEST_MS = 10_000;

const refused = (message: string): Output => outputOf({ ...failed('usage', message), exit: 2 }, false);

/**
 * Listens on `<dataDir>/cardea.sock`. The caller holds the lock of the directory, so a file that is there is a dead
 * server's. Without room for the path it warns, and commands need the server stopped.
 */
export async function openLocalSocket(o: {
  rooms: RoomsForCommands;
  dataDir: string;
  log: Log;
}): Promise<LocalSocket> {
  const { rooms, dataDir, log } = o;
  const path = socketPath(dataDir);
  if (path === undefined) {
    log.warn(
      'the path of the data directory is too long for a local socket: stop the server to run commands',
      { dataDir },
    );
    return { close: async () => undefined };
  }
  if (((await stat(dataDir)).mode & 0o077) !== 0) await chmod(dataDir, 0o700);
  const file = join(dataDir, 'cardea.sock');
  await rm(file, { force: true });

  const waiting = new Set<Socket>();
  const running = new Set<Promise<void>>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined); // a caller that went away: its command is finished all the same
    waiting.add(socket);
    const served = serveOne(socket, rooms, () => waiting.delete(socket))
      .catch((err: unknown) => log.warn('a command on the local socket was not answered', { err }))
      .finally(() => {
        waiting.delete(socket);
        running.delete(served);
        socket.destroySoon();
      });
    running.add(served);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, path);
  await chmod(file, 0o600);

  return {
    async close() {
      // Node removes the file with the listener.
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of waiting) socket.destroy();
      await Promise.all(running);
      await closed;
    },
  };
}

/** One request, one answer. @param read called when the whole request is there */
async function serveOne(socket: Socket, rooms: RoomsForCommands, read: () => void): Promise<void> {
  const tooLate = setTimeout(() => socket.destroy(), REQUEST_MS);
  const request = await readLine(socket, MAX_REQUEST_BYTES).finally(() => clearTimeout(tooLate));
  if (request.kind === 'ended') return;
  read();
  const answer =
    request.kind === 'too-long'
      ? refused(`the request has more than ${MAX_REQUEST_BYTES} bytes`)
      : await answerTo(request.line, rooms);
  await new Promise<void>((resolve) => {
    socket.once('close', resolve);
    socket.end(`${JSON.stringify(answer)}\n`, () => resolve());
  });
}

async function answerTo(line: string, rooms: RoomsForCommands): Promise<Output> {
  const frame = parseRequest(line);
  if (!frame)
    return refused('the running server is of another version: restart it, or use its own command line');
  const parsed = parseCommandLine(frame.argv, roomCommands);
  if (parsed.kind !== 'command') {
    return refused('the running server does not know this command: it is of another version; restart it');
  }
  return execute(parsed, { files: frame.files, password: frame.password }, rooms);
}

/** The socket is never open to others, not even before its rights are set. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const before = process.umask(0o177);
    try {
      server.once('error', reject).listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}
