import { once } from 'node:events';
import { createServer } from 'node:net';

/** A loopback port that nobody has right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
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
