/** Somebody else's HTTPS server on this machine, which counts who comes. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Certificate } from './certificates.ts';

export interface RemoteServer {
  readonly port: number;
  /** `https://localhost:PORT`. */
  readonly origin: string;
  /** Connections that were ever opened to it, with or without a handshake. */
  connections(): number;
  /** Those that are open now. */
  open(): number;
  /** The paths that were asked for, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

export async function startRemote(
  certificate: Certificate,
  answer: RequestListener,
  host = '127.0.0.1',
): Promise<RemoteServer> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ cert: certificate.cert, key: certificate.key }, (req, res) => {
    asked.push(req.url ?? '');
    answer(req, res);
  });
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const { port } = address;
  return {
    port,
    origin: `https://localhost:${port}`,
    connections: () => connections,
    open: () => sockets.size,
    asked,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
