/**
 * The one way out: every address that a stranger can name (jwks_uri, sector identifiers, metadata documents, logout,
 * federated issuers) is asked through here. It owns where requests may go and how long and large they get; it does not
 * own what is asked, cached or believed.
 *
 * Https only; the name is resolved once, every address judged, and exactly those are connected to; no redirect is
 * followed, nothing unpacked, no connection kept; size, time and number in flight are bounded.
 */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { Log } from '../observability/log.ts';
import { createAllowList } from './allow-list.ts';
import { checkUrl, findDestination, type Resolve } from './destination.ts';
import { exchange, type OutboundAnswer, type OutboundRequest } from './exchange.ts';
import { createFetch } from './fetch.ts';
import { OutboundFailed, OutboundRefused } from './outbound-faults.ts';
import { createSlots } from './slots.ts';

export interface Outbound {
  /** A 3xx comes back as it is. @throws OutboundRefused, OutboundFailed */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
  /** The same as the platform's `fetch`, for libraries that take one; `redirect` is always manual. */
  readonly fetch: typeof globalThis.fetch;
  /** Breaks off what is in flight; later requests fail. */
  close(): void;
}

export interface OutboundOptions {
  /** Hosts and networks, as `CARDEA_OUTBOUND_ALLOW` has them. */
  readonly allow: readonly string[];
  /** PEM; trusted besides the platform's, for what is listed only. */
  readonly caFile?: string | undefined;
  readonly log?: Log;
  /** The system's resolver unless given. */
  readonly resolve?: Resolve;
}

// A JWKS of twenty keys with certificate chains has about 80 KiB.
const USUAL_BYTES = 128 * 1024;
const MOST_BYTES = 1024 * 1024;
// A person waits behind some of these; RFC 7517's largest publishers answer in a tenth.
const USUAL_MS = 3_000;
const MOST_MS = 5_000;
// 64 connections are about 4 MiB of TLS state. Four to one host: it gets no quicker by more, and cannot take them all.
const bounds = { most: 64, mostPerHost: 4, mostWaiting: 256 };

/** @throws Error with a sentence when the CA file cannot be used; RangeError on a bad allow-list */
export function createOutbound({ allow, caFile, log, resolve = systemResolver }: OutboundOptions): Outbound {
  const allowList = createAllowList(allow);
  const slots = createSlots(bounds);
  const ordinary = createSecureContext({ minVersion: 'TLSv1.2' });
  const forListed = caFile ? contextWith(caFile) : ordinary;
  const closing = new AbortController();

  async function send(asked: OutboundRequest): Promise<OutboundAnswer> {
    const checked = checkUrl(asked.url);
    const { host } = checked.url;
    const timeout = AbortSignal.timeout(within(asked.timeoutMs, USUAL_MS, MOST_MS));
    const signal = AbortSignal.any([closing.signal, timeout, ...(asked.signal ? [asked.signal] : [])]);
    const brokenOff = () =>
      closing.signal.aborted
        ? new OutboundFailed('closed', host, 'this process is stopping')
        : timeout.aborted
          ? new OutboundFailed('timeout', host, 'it took too long')
          : new OutboundFailed('aborted', host, 'the caller gave up');

    const release = await slots.take(checked.hostname, signal);
    if (!release) {
      throw signal.aborted ? brokenOff() : new OutboundFailed('busy', host, 'too many requests wait already');
    }
    // A name that nobody answers for keeps a thread of the pool, and its place here, for longer than the deadline.
    const found = findDestination(checked, allowList, resolve);
    let destinationKnown = false;
    try {
      const to = await orAborted(found, signal);
      destinationKnown = true;
      return await exchange(to, {
        method: asked.method ?? 'GET',
        headers: asked.headers ?? {},
        body: asked.body === undefined ? undefined : Buffer.from(asked.body as string),
        maxBytes: within(asked.maxBytes, USUAL_BYTES, MOST_BYTES),
        signal,
        secureContext: to.listed ? forListed : ordinary,
      });
    } catch (fault) {
      if (signal.aborted) throw brokenOff();
      throw fault;
    } finally {
      if (destinationKnown) release();
      else found.then(release, release);
    }
  }

  async function sendAndTell(asked: OutboundRequest): Promise<OutboundAnswer> {
    try {
      return await send(asked);
    } catch (fault) {
      if (fault instanceof OutboundRefused || fault instanceof OutboundFailed) {
        log?.info(fault.message, { host: fault.host, reason: fault.reason });
      }
      throw fault;
    }
  }

  return { send: sendAndTell, fetch: createFetch(sendAndTell), close: () => closing.abort() };
}

const systemResolver: Resolve = (hostname) => lookup(hostname, { all: true, order: 'verbatim' });

function contextWith(caFile: string) {
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ca: [...getCACertificates('default'), readFileSync(caFile, 'utf8')],
    });
  } catch (cause) {
    throw new Error('CARDEA_OUTBOUND_CA_FILE: cannot be read as PEM certificates', { cause });
  }
}

const within = (asked: number | undefined, usual: number, most: number): number =>
  Math.max(1, Math.min(asked ?? usual, most));

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}
