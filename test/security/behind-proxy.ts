/** An agent whose requests reach the server as a proxy that ends TLS sends them: over plain http, with the public Host. */
import { request } from 'node:http';
import { type Agent, createAgent, type Send } from '../harness/agent.ts';

export interface Proxy {
  /** What the proxy makes of the path, for example strips the issuer's. */
  readonly rewrite?: (path: string) => string;
  /** Headers that it adds. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Told of every Set-Cookie line. */
  readonly onCookie?: (line: string) => void;
}

/** @param origin the public one; @param port where the server listens on this machine */
export function agentBehindProxy(origin: string, port: number, proxy: Proxy = {}): Agent {
  return createAgent(origin, [], throughProxy(port, proxy));
}

function throughProxy(port: number, { rewrite = (path) => path, headers = {}, onCookie }: Proxy): Send {
  return (target, init) =>
    new Promise((resolve, reject) => {
      const sent = new Headers(init.headers);
      if (init.body instanceof URLSearchParams) {
        sent.set('content-type', 'application/x-www-form-urlencoded');
      }
      const outgoing = request(
        {
          host: '127.0.0.1',
          port,
          path: rewrite(target.pathname + target.search),
          method: init.method ?? 'GET',
          headers: { ...Object.fromEntries(sent), host: target.host, ...headers },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            for (const line of incoming.headers['set-cookie'] ?? []) onCookie?.(line);
            const status = incoming.statusCode ?? 500;
            const body = status === 304 || status === 204 ? null : Buffer.concat(chunks);
            const raw = incoming.rawHeaders;
            const pairs = raw.flatMap((name, at): [string, string][] =>
              at % 2 === 0 ? [[name, raw[at + 1] ?? '']] : [],
            );
            resolve(new Response(body, { status, headers: pairs }));
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(init.body ? String(init.body) : undefined);
    });
}
