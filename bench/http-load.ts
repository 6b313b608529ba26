/**
 * The load: a few keep-alive connections that each send their next request when the last answer is whole. It writes to
 * the sockets itself: node:http would cost as much as the server that it measures, and hide what that does.
 */
import { connect, type Socket } from 'node:net';

export interface Ask {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A form. */
  readonly form?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  readonly body: string;
}

export interface Connection {
  /** One request at a time. Opens again what the server has closed in between. */
  ask(request: Ask): Promise<Answer>;
  close(): void;
}

/** @param host the issuer's host and port, for the Host header */
export function openConnection({ port, host }: { port: number; host: string }): Connection {
  let socket: Socket | undefined;
  let received = '';
  let settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;

  function open(): Socket {
    received = '';
    const fresh = connect({ port, host: '127.0.0.1', noDelay: true });
    fresh.setEncoding('latin1');
    fresh.on('data', (chunk: string) => {
      received += chunk;
      const whole = wholeAnswer(received);
      if (!whole || !settle) return;
      received = '';
      if (/^connection: close/im.test(whole.head)) drop(fresh);
      const { resolve } = settle;
      settle = undefined;
      resolve(whole);
    });
    const gone = (error?: Error) => {
      if (socket === fresh) socket = undefined;
      settle?.reject(error ?? new Error('the server closed the connection'));
      settle = undefined;
    };
    fresh.on('error', gone);
    fresh.on('close', () => gone());
    return fresh;
  }

  function drop(used: Socket): void {
    used.removeAllListeners('close');
    used.destroy();
    if (socket === used) socket = undefined;
  }

  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject };
        socket ??= open();
        socket.write(bytesOf(request, host), 'latin1');
      }),
    close: () => socket && drop(socket),
  };
}

function bytesOf({ method, path, headers = {}, form }: Ask, host: string): string {
  const body = form ? new URLSearchParams(form).toString() : '';
  let text = `${method ?? (form ? 'POST' : 'GET')} ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
  for (const [name, value] of Object.entries(headers)) text += `${name}: ${value}\r\n`;
  if (form) text += `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n`;
  return `${text}\r\n${body}`;
}

/** The answer at the start of `text`, once all of it is there. One byte a character. */
function wholeAnswer(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = text.slice(0, end);
  const status = Number(head.slice(9, 12));
  const rest = text.slice(end + 4);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined || status === 204 || status === 304) {
    return rest.length >= Number(length ?? 0) ? { status, head, body: rest } : undefined;
  }
  // Chunked: our answers and the engine's are one chunk or few, and the last one is empty.
  return rest.endsWith('0\r\n\r\n') ? { status, head, body: rest } : undefined;
}

/** What is asked in a run, and what is done with the answers. */
export interface Work {
  /** The next request of this connection (0 …); undefined when there is nothing left to ask. */
  next(connection: number): Ask | undefined;
  /** @throws when the answer is not what it must be: a wrong answer has no speed */
  take?(answer: Answer, connection: number): void;
}

export interface Measured {
  readonly requests: number;
  readonly seconds: number;
  /** Of each request, in milliseconds. */
  readonly times: readonly number[];
}

/** Runs until the time is over or the work is done. */
export async function load(
  connections: readonly Connection[],
  work: Work,
  seconds: number,
): Promise<Measured> {
  const times: number[] = [];
  const startedAt = performance.now();
  const deadline = startedAt + seconds * 1000;
  await Promise.all(
    connections.map(async (connection, index) => {
      for (let now = performance.now(); now < deadline; ) {
        const request = work.next(index);
        if (!request) return;
        const answer = await connection.ask(request);
        const after = performance.now();
        times.push(after - now);
        now = after;
        if (work.take) work.take(answer, index);
        else if (answer.status !== 200) throw unexpected(answer);
      }
    }),
  );
  return { requests: times.length, seconds: (performance.now() - startedAt) / 1000, times };
}

export function unexpected({ head, body }: Answer): Error {
  return new Error(`not the answer that was expected:\n${head}\n\n${body.slice(0, 1000)}`);
}
