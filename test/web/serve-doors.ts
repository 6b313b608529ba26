/** Doors behind each other over a real Koa server, and requests as raw as a stranger can make them. */
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import Koa from 'koa';
import { createErrorDoor } from '../../src/web/error-door.ts';
import { createPublicUrl, type PublicUrl } from '../../src/web/public-url.ts';
import { requestId } from '../../src/web/request-id.ts';
import { serverOptions, tuneServer } from '../../src/web/server-limits.ts';

export interface ServedDoors {
  readonly port: number;
  readonly publicUrl: PublicUrl;
  /** Sends these bytes and gives back everything until the server closes. */
  raw(bytes: string): Promise<string>;
  close(): Promise<void>;
}

export async function serveDoors(issuer: string, doors: readonly Koa.Middleware[]): Promise<ServedDoors> {
  const app = new Koa();
  app.silent = true;
  const publicUrl = createPublicUrl({ issuer });
  publicUrl.pin(app);
  const renderError = (_ctx: unknown, { status, detail }: { status: number; detail: string }) =>
    `<p>${status} ${detail}</p>`;
  app.use(requestId);
  app.use(createErrorDoor({ log: { error: () => undefined }, renderError }));
  for (const door of doors) app.use(door);
  const server = createServer(serverOptions, app.callback());
  tuneServer(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    publicUrl,
    raw: (bytes) =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
        let text = '';
        socket.on('data', (chunk) => {
          text += chunk.toString('latin1');
        });
        socket.on('close', () => resolve(text));
        socket.on('error', reject);
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
