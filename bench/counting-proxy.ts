/**
 * Stands between the server and a store, hands every byte on, and reads along: what crosses the wire is what an
 * operation costs. The stores' own statistics would count what happens inside a script too, and other people's work.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface CountingProxy {
  /** The store's address with our host and port. */
  readonly url: string;
  /** What was asked since the last call, in order. */
  take(): string[];
  close(): void;
}

/** Reads whole messages off the front of `bytes`; gives what is left. */
type Reader = (bytes: Buffer, seen: (message: string) => void) => Buffer;

/** @param createReader a reader for each connection */
export async function startCountingProxy(target: string, createReader: () => Reader): Promise<CountingProxy> {
  const { hostname, port } = new URL(target);
  let messages: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const store = connect({ host: hostname, port: Number(port), noDelay: true });
    client.setNoDelay(true);
    const read = createReader();
    let rest: Buffer = Buffer.alloc(0);
    client.on('data', (chunk) => {
      store.write(chunk);
      rest = read(rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk, (message) =>
        messages.push(message),
      );
    });
    store.on('data', (chunk) => client.write(chunk));
    for (const [one, other] of [
      [client, store],
      [store, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(typeof address === 'object' ? address?.port : '');
  return {
    url: url.href,
    take: () => messages.splice(0),
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      messages = [];
    },
  };
}

/** Redis: arrays of bulk strings (RESP). A message is the command with its arguments, one by one and cut short. */
export function readRedis(): Reader {
  return (bytes, seen) => {
    let at = 0;
    for (;;) {
      const command = oneCommand(bytes, at);
      if (!command) return bytes.subarray(at);
      seen(command.words.join(' '));
      at = command.end;
    }
  };
}

function oneCommand(bytes: Buffer, from: number): { words: string[]; end: number } | undefined {
  const words: string[] = [];
  let at = from;
  /** The number behind `*` or `$` at `at`, which moves behind its line. */
  const number = (): number | undefined => {
    const end = bytes.indexOf('\r\n', at, 'latin1');
    if (end === -1) return undefined;
    const value = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };
  const many = number();
  if (many === undefined) return undefined;
  for (let n = 0; n < many; n += 1) {
    const length = number();
    if (length === undefined || bytes.length < at + length + 2) return undefined;
    words.push(bytes.toString('latin1', at, at + Math.min(length, 40)));
    at += length + 2;
  }
  return { words, end: at };
}

/** Postgres: the text of each statement, from Query and Parse messages (protocol 3.0, section 53.7). */
export function readPostgres(): Reader {
  let started = false;
  return (bytes, seen) => {
    let at = 0;
    for (;;) {
      // The first message of a connection has no type.
      const head = started ? 1 : 0;
      if (bytes.length < at + head + 4) return bytes.subarray(at);
      const end = at + head + bytes.readInt32BE(at + head);
      if (bytes.length < end) return bytes.subarray(at);
      const type = started ? bytes.toString('latin1', at, at + 1) : '';
      const texts = bytes.toString('utf8', at + head + 4, end).split('\0');
      if (type === 'Q') seen(texts[0] ?? '');
      if (type === 'P') seen(texts[1] ?? '');
      started = true;
      at = end;
    }
  };
}
