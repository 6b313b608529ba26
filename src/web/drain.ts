/**
 * The orderly end of an HTTP server: no request that was sent in good faith goes unanswered. A client that keeps its
 * connections may be sending on an idle one at the very moment of the signal, so idle connections are not closed at
 * once: for a moment whatever comes is still answered, with `Connection: close` (RFC 9112 section 9.6), and busy
 * connections end by themselves.
 */
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';

/**
 * How long new connections and requests are still taken. Longer than a request travels, and enough for a load
 * balancer that asks for readiness every second or fails over to have turned away; a person who presses Ctrl-C with
 * a page open hardly waits for it.
 */
const NOTICE_MS = 1_000;
/** How long requests in flight may take to finish: longer than any that is well. */
const FINISH_MS = 25_000;
/** How often connections that have become idle meanwhile are looked for. */
const LOOK_MS = 50;

/**
 * Where an answer stands among those in flight. They are a plain list, and not a set: V8 keeps the tables that a set
 * outgrows in its old generation, and with them, until the next full collection, all that they name.
 */
const place = Symbol('place among the answers in flight');
type Answering = ServerResponse & { [place]: number };

/** Call it before the server listens. @returns what ends it: resolves when the last connection is closed */
export function createDrain(server: Server, noticeMs = NOTICE_MS): () => Promise<void> {
  const inFlight: Answering[] = [];
  let stopping = false;
  server.prependListener('request', (_request, response: Answering) => {
    if (stopping) response.setHeader('Connection', 'close');
    response[place] = inFlight.push(response) - 1;
    response.once('close', leave);
  });

  /** The last one takes the place of this one. */
  function leave(this: Answering): void {
    const last = inFlight.pop();
    if (!last || last === this) return;
    last[place] = this[place];
    inFlight[this[place]] = last;
  }

  return async () => {
    stopping = true;
    for (const response of inFlight) if (!response.headersSent) response.setHeader('Connection', 'close');
    if (await hasConnections(server)) await new Promise((resolve) => setTimeout(resolve, noticeMs));
    // What waits to be accepted is accepted in the phase before this one: as little as possible is turned away.
    await new Promise(setImmediate);
    await new Promise<void>((resolve) => {
      const look = setInterval(() => server.closeIdleConnections(), LOOK_MS);
      const force = setTimeout(() => server.closeAllConnections(), FINISH_MS);
      // The HTTP server's own `close` closes idle connections first; the listener goes first here.
      NetServer.prototype.close.call(server, () => {
        clearInterval(look);
        clearTimeout(force);
        server.close(() => undefined); // ends its timers
        resolve();
      });
      server.closeIdleConnections();
    });
  };
}

function hasConnections(server: Server): Promise<boolean> {
  return new Promise((resolve) => {
    server.getConnections((error, count) => resolve(error !== null || count > 0));
  });
}
