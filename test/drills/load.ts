/** Requests that keep coming: on kept connections, with everything written down that was answered. */
import { Agent, request } from 'node:http';
import type { SeededClient } from '../harness/seed.ts';
import { type Answer, basic } from '../harness/two.ts';

export type Outcome = Answer | { readonly broken: string };

export interface Caller {
  ask(
    path: string,
    o?: { form?: Record<string, string>; headers?: Record<string, string>; method?: string },
  ): Promise<Outcome>;
  close(): void;
}

/** @param withinMs a request that takes longer is broken */
export function createCaller(
  port: number,
  host: string,
  { connections = 32, withinMs = 15_000 } = {},
): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    ask: (path, { form, headers = {}, method } = {}) =>
      new Promise((resolve) => {
        const body = form && new URLSearchParams(form).toString();
        const outgoing = request(
          {
            port,
            host: '127.0.0.1',
            path,
            agent,
            method: method ?? (body === undefined ? 'GET' : 'POST'),
            headers: {
              host,
              ...(body === undefined
                ? {}
                : {
                    'content-type': 'application/x-www-form-urlencoded',
                    'content-length': String(Buffer.byteLength(body)),
                  }),
              ...headers,
            },
          },
          (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
            incoming.on('end', () =>
              resolve({
                status: incoming.statusCode ?? 0,
                headers: incoming.headers,
                text: Buffer.concat(chunks).toString(),
              }),
            );
            incoming.on('error', (error) => resolve({ broken: codeOf(error) }));
          },
        );
        const timer = setTimeout(() => outgoing.destroy(new Error('no answer')), withinMs);
        outgoing.on('close', () => clearTimeout(timer));
        outgoing.on('error', (error) => resolve({ broken: codeOf(error) }));
        outgoing.end(body);
      }),
    close: () => agent.destroy(),
  };
}

function codeOf(error: Error): string {
  return ('code' in error && typeof error.code === 'string' && error.code) || error.message;
}

export function isAnswer(outcome: Outcome): outcome is Answer {
  return 'status' in outcome;
}

export function jsonOf(outcome: Outcome): Record<string, unknown> {
  if (!isAnswer(outcome)) return {};
  try {
    return JSON.parse(outcome.text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Whether it is the one honest answer of a server whose store is away (RFC 6749 has the JSON, RFC 9110 the header). */
export function isPolite503(outcome: Outcome): boolean {
  return (
    isAnswer(outcome) &&
    outcome.status === 503 &&
    Number(outcome.headers['retry-after']) >= 1 &&
    jsonOf(outcome).error === 'temporarily_unavailable' &&
    !/\bat .*\.[jt]s:\d+/.test(outcome.text)
  );
}

export const clientCredentials = { grant_type: 'client_credentials' };

export function askToken(
  caller: Pick<Caller, 'ask'>,
  client: SeededClient,
  form: Record<string, string>,
): Promise<Outcome> {
  return caller.ask('/oauth2/token', { form, headers: basic(client) });
}

/** Runs `work` in so many loops until `stop`; a loop's fault ends the load with it. */
export function keepGoing(loops: number, work: (loop: number) => Promise<void>) {
  let going = true;
  const all = Promise.all(
    Array.from({ length: loops }, async (_, loop) => {
      while (going) await work(loop);
    }),
  );
  return {
    async stop(): Promise<void> {
      going = false;
      await all;
    },
  };
}
