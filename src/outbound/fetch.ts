/** The guarded client in the platform's clothes, for libraries that take a `fetch`. */
import type { OutboundAnswer, OutboundRequest } from './exchange.ts';

type Send = (request: OutboundRequest) => Promise<OutboundAnswer>;

/** RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5: these answers have no content. */
const BODILESS = new Set([204, 205, 304]);

/**
 * Rejects with OutboundRefused and OutboundFailed, after the time and the signal of `init`. A dispatcher, an agent, a
 * streamed body or a method that changes things elsewhere is not taken.
 */
export function createFetch(send: Send): typeof globalThis.fetch {
  return async (input, init) => {
    const asked = new Request(input, { ...plain(init), redirect: 'manual' });
    const method = methods.find((known) => known === asked.method);
    if (!method) throw new TypeError(`the guarded client does not send ${asked.method}`);
    const headers = Object.fromEntries(asked.headers);
    const body = asked.body ? new Uint8Array(await asked.arrayBuffer()) : undefined;
    const url = typeof input === 'string' || input instanceof URL ? String(input) : input.url;
    const answer = await send({ url, method, headers, ...(body ? { body } : {}), signal: asked.signal });
    const content = BODILESS.has(answer.status) ? null : new Uint8Array(answer.body);
    return new Response(content, { status: answer.status, headers: answer.headers });
  };
}

const methods = ['GET', 'HEAD', 'POST'] as const;

/** Without what would choose another way out. */
function plain(init: RequestInit = {}): RequestInit {
  const { method, headers, body, signal } = init;
  return {
    ...(method === undefined ? {} : { method }),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
    ...(signal ? { signal } : {}),
  };
}
