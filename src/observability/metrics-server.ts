import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsServer {
  /** The port it got, which matters when 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

export interface MetricsServerOptions {
  readonly host: string;
  readonly port: number;
  /** False for the default port: when somebody has it, the start goes on without metrics and says so. */
  readonly chosen: boolean;
  readonly metrics: Pick<Metrics, 'text'>;
  readonly log: Log;
}

/**
 * Serves `GET /metrics` on an address of its own, so that a proxy of the main port never shows it.
 * @throws the system's error when the port was chosen and cannot be had
 */
export async function openMetricsServer(options: MetricsServerOptions): Promise<MetricsServer | undefined> {
  const { host, port, chosen, metrics, log } = options;
  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 5000, maxHeaderSize: 8192 },
    (request, response) => {
      response.setHeader('cache-control', 'no-store');
      response.setHeader('x-content-type-options', 'nosniff');
      if (request.method !== 'GET' || request.url !== '/metrics') {
        response.writeHead(404).end();
        return;
      }
      metrics.text().then(
        (text) =>
          response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text),
        (error: unknown) => {
          log.error('metrics could not be written', { err: error });
          response.writeHead(500).end();
        },
      );
    },
  );
  server.maxConnections = 50;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    if (chosen) throw error;
    log.warn('no metrics: their default port is taken; set CARDEA_METRICS_PORT to another, or to off', {
      port,
      err: error,
    });
    return undefined;
  }
  // It alone must not keep a process alive that has finished everything else.
  server.unref();
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
}
