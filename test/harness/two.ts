/** Two (or more) server processes behind one issuer, spoken to one by one; each can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { freePort, until } from './ports.ts';
import type { Stores } from './server.ts';

const bin = fileURLToPath(new URL('../../bin/cardea.js', import.meta.url));

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface Spawned {
  readonly port: number;
  readonly child: ChildProcess;
  /** Everything that it wrote to its outputs so far. */
  output(): string;
  /** One request to this very process, with the issuer's Host. Rejects when the connection breaks. */
  ask(
    path: string,
    o?: { form?: Record<string, string>; headers?: Record<string, string>; method?: string },
  ): Promise<Answer>;
  kill(): Promise<void>;
  /** TERM, and wait. @returns the exit code */
  stop(): Promise<number | null>;
}

/** Starts one process and waits until it is ready. The issuer is on the first one's port. */
export async function spawnServer(
  stores: Stores,
  {
    issuer,
    port,
    environment = {},
    nodeOptions = [],
  }: {
    issuer?: string;
    port?: number;
    environment?: Record<string, string>;
    nodeOptions?: readonly string[];
  } = {},
): Promise<Spawned & { readonly issuer: string }> {
  const own = port ?? (await freePort());
  const named = issuer ?? `http://localhost:${own}`;
  const child = spawn(process.execPath, [...nodeOptions, bin, 'serve', '--migrate'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      ...stores.environment,
      PORT: String(own),
      CARDEA_HOST: '127.0.0.1',
      CARDEA_ISSUER: named,
      CARDEA_METRICS_PORT: 'off',
      ...environment,
    },
  });
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  const ask: Spawned['ask'] = (path, o) => askPort(own, new URL(named).host, path, o);
  const ready = until(`server on ${own}`, async () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${output}`);
    if ((await ask('/health/ready')).status !== 200) throw new Error('not ready');
  });
  await ready.catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    issuer: named,
    port: own,
    child,
    output: () => output,
    ask,
    async kill() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill('SIGTERM');
      await once(child, 'exit');
      return child.exitCode;
    },
  };
}

/** One HTTP request on a connection of its own. */
export function askPort(
  port: number,
  host: string,
  path: string,
  {
    form,
    text,
    headers = {},
    method,
  }: {
    form?: Record<string, string>;
    /** A body of another kind; its type is among the headers. */
    text?: string;
    headers?: Record<string, string>;
    method?: string;
  } = {},
): Promise<Answer> {
  const body = text ?? (form && new URLSearchParams(form).toString());
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        port,
        host: '127.0.0.1',
        path,
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        agent: false,
        headers: {
          host,
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
      },
      (incoming) => {
        let answer = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk) => {
          answer += chunk;
        });
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: answer }),
        );
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    // Longer than any answer that is well; a connection that a killed process took along would hang for good.
    outgoing.setTimeout(10_000, () => outgoing.destroy(new Error('no answer within 10 s')));
    outgoing.end(body);
  });
}

export function basic({ clientId, secret }: { clientId: string; secret: string }): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` };
}
