/** Bounds of the HTTP server itself, so that slow or greedy connections cost nobody else. */
import type { Server, ServerOptions } from 'node:http';

/** For `http.createServer(serverOptions, …)`: these can only be given there. */
export const serverOptions = {
  // Node's default; an authorization request with a signed request object and cookies stays under it.
  maxHeaderSize: 16_384,
  requireHostHeader: true,
  insecureHTTPParser: false,
  // How often the two timeouts below are looked at: the default of 30 s would let a slow sender stay three times as long.
  connectionsCheckingInterval: 2_000,
} as const satisfies ServerOptions;

export interface ServerBounds {
  /** More wait in the kernel's backlog. 10,000 idle connections cost about 60 MB. */
  readonly maxConnections?: number;
}

export function tuneServer(server: Server, { maxConnections = 10_000 }: ServerBounds = {}): void {
  // All headers within 10 s, the whole request within 20: slowloris connections end here.
  server.headersTimeout = 10_000;
  server.requestTimeout = 20_000;
  // Longer than the 60 s after which common load balancers drop an idle connection: the one who may send must close first.
  server.keepAliveTimeout = 65_000;
  server.maxHeadersCount = 100;
  // Lets connections spread anew over processes that joined later; at thousands of requests a second, every few seconds.
  server.maxRequestsPerSocket = 10_000;
  server.maxConnections = maxConnections;
  // A socket on which nothing moves while an answer is being sent (a slow reader).
  server.setTimeout(120_000);
}
