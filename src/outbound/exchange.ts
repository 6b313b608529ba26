/** One HTTPS request on one connection of its own, within bounds. */
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { ConnectionOptions, SecureContext } from 'node:tls';
import type { Destination } from './destination.ts';
import { OutboundFailed } from './outbound-faults.ts';

export interface OutboundRequest {
  readonly url: string;
  /** `GET` unless given. */
  readonly method?: 'GET' | 'HEAD' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Of the answer's body; 128 KiB unless given, at most 1 MiB. */
  readonly maxBytes?: number;
  /** For everything together, waiting and resolving included; 3,000 unless given, at most 5,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface OutboundAnswer {
  readonly status: number;
  /** By lower-case names; a header that came more than once is joined as Node does. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Exchange {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly secureContext: SecureContext;
}

// No connection is kept and no TLS session resumed: nothing that one request left behind serves another.
const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 });

const MOST_HEADER_BYTES = 16 * 1024;

/** @throws OutboundFailed; what `signal` aborts rejects too, with the socket gone */
export function exchange(to: Destination, asked: Exchange): Promise<OutboundAnswer> {
  const { url } = to;
  const fail = (reason: OutboundFailed['reason'], detail: string, cause?: unknown) =>
    new OutboundFailed(reason, url.host, detail, cause === undefined ? undefined : { cause });
  return new Promise((resolve, reject) => {
    let secured = false;
    const outgoing = request(requestOptions(to, asked));
    outgoing.once('socket', (socket) =>
      socket.once('secureConnect', () => {
        secured = true;
      }),
    );
    outgoing.once('error', (cause: NodeJS.ErrnoException) => {
      const isTls = /^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|EPROTO)/.test(
        cause.code ?? '',
      );
      if (isTls) reject(fail('tls', 'the certificate or the handshake is not acceptable', cause));
      else if (secured) reject(fail('answer', 'the answer broke off', cause));
      else reject(fail('connect', 'no connection', cause));
    });
    // 101 and CONNECT would hand the socket over.
    outgoing.once('upgrade', (_answer, socket) => {
      socket.destroy();
      reject(fail('answer', 'it would speak another protocol'));
    });
    outgoing.once('response', (answer) => {
      read(answer, asked.maxBytes, fail).then(resolve, (fault: unknown) => {
        outgoing.destroy();
        reject(fault);
      });
    });
    outgoing.end(asked.body);
  });
}

function requestOptions(
  to: Destination,
  asked: Exchange,
): RequestOptions & Pick<ConnectionOptions, 'secureContext'> {
  const { url, hostname } = to;
  return {
    agent,
    host: hostname,
    port: to.port,
    path: url.pathname + url.search,
    method: asked.method,
    headers: {
      accept: 'application/json',
      ...asked.headers,
      host: url.host,
      // What is not unpacked cannot grow.
      'accept-encoding': 'identity',
      ...(asked.body ? { 'content-length': String(asked.body.length) } : {}),
    },
    lookup: pinned(to),
    secureContext: asked.secureContext,
    rejectUnauthorized: true,
    // RFC 6066 section 3: a literal address is no server name.
    servername: isIP(hostname) ? '' : hostname,
    maxHeaderSize: MOST_HEADER_BYTES,
    signal: asked.signal,
  };
}

async function read(
  answer: IncomingMessage,
  maxBytes: number,
  fail: (reason: OutboundFailed['reason'], detail: string, cause?: unknown) => OutboundFailed,
): Promise<OutboundAnswer> {
  const encoding = answer.headers['content-encoding'];
  if (encoding && encoding.toLowerCase() !== 'identity') throw fail('encoding', 'the answer is compressed');
  const tooLarge = () => fail('too-large', `the answer has more than ${maxBytes} bytes`);
  if (Number(answer.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let received = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      received += chunk.length;
      if (received > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof OutboundFailed ? cause : fail('answer', 'the answer broke off', cause);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return { status: answer.statusCode ?? 0, headers, body: Buffer.concat(chunks) };
}

/** Gives the judged addresses, whatever is asked: a name that changes its address meanwhile changes nothing. */
function pinned({ addresses }: Destination): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses;
    if (options.all) callback(null, [...addresses]);
    else if (first) callback(null, first.address, first.family);
  };
}
