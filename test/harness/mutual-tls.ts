/** Requests with a client certificate, over a real handshake. */
import { request } from 'node:https';
import type { Answer } from './two.ts';

export interface TlsOptions {
  /** PEM; absent: the client shows none. */
  readonly cert?: string;
  readonly key?: string;
  readonly ca: string;
  readonly form?: Record<string, string>;
  readonly headers?: Record<string, string>;
}

export function askTls(url: string, options: TlsOptions): Promise<Answer> {
  const { form, headers, ...tls } = options;
  const body = form && new URLSearchParams(form).toString();
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        ...tls,
        agent: false,
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers as Answer['headers'], text });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** A `fetch` with a certificate, for somebody else's client library. */
export function fetchWith(tls: Pick<TlsOptions, 'ca' | 'cert' | 'key'>): typeof globalThis.fetch {
  return async (input, init) => {
    const asked = new Request(input, init);
    const text = await asked.text();
    const answer = await askTls(asked.url, {
      ...tls,
      headers: Object.fromEntries(asked.headers),
      ...(asked.method === 'POST' ? { form: Object.fromEntries(new URLSearchParams(text)) } : {}),
    });
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) {
      for (const one of [value ?? []].flat()) headers.append(name, one);
    }
    return new Response(answer.text, { status: answer.status, headers });
  };
}
