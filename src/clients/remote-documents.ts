/**
 * Documents that clients and issuers publish (JWK sets, issuer metadata), kept within bounds: each is asked for once at a
 * time, as often as it says and never more, and a dead address keeps only those waiting who need it.
 */
import type { Clock } from '../config/clock.ts';
import type { Outbound } from '../outbound/outbound.ts';
import { OutboundFailed, OutboundRefused } from '../outbound/outbound-faults.ts';

export type RemoteOutcome<T> =
  | { readonly kind: 'document'; readonly value: T }
  /** In words for the owner of the client; no part of the document. */
  | { readonly kind: 'failed'; readonly why: string };

export interface RemoteDocuments<T> {
  /**
   * @param isWanted false for a document that lacks what the caller needs (a key that is new): it is asked for again,
   * but not more often than every 30 s. The same value is the same object until it is replaced.
   */
  get(url: string, isWanted?: (value: T) => boolean): Promise<RemoteOutcome<T>>;
}

export interface RemoteDocumentsOptions<T> {
  readonly send: Outbound['send'];
  readonly clock: Clock;
  /** The text as JSON, judged. @returns undefined when it cannot be used. @throws UnusableDocument to say why */
  readonly parse: (json: unknown) => T | undefined;
  /** What `Content-Type` must be; absent: anything. */
  readonly mediaType?: RegExp;
}

/** Addresses kept; the one that was used longest ago goes first. Each holds a few KiB of what was judged. */
const MOST_DOCUMENTS = 500;
// A key that was withdrawn goes on working for as long as its set is kept: at most an hour, whatever its headers say.
const USUAL_FRESH_MS = 300_000;
const LEAST_FRESH_MS = 60_000;
const MOST_FRESH_MS = 3_600_000;
/** While the other side does not answer, what was known goes on counting for as long as this. */
const STALE_MS = 3_600_000;
/** Anybody can name a key that does not exist: this is how often that makes us ask. */
const UNKNOWN_PAUSE_MS = 30_000;
const FAILED_PAUSE_MS = 15_000;

interface Entry<T> {
  value?: T;
  freshUntil: number;
  triedAt: number;
  /** Set while the newest try failed. */
  why?: string | undefined;
  pending?: Promise<void> | undefined;
}

export function createRemoteDocuments<T>({
  send,
  clock,
  parse,
  mediaType,
}: RemoteDocumentsOptions<T>): RemoteDocuments<T> {
  const entries = new Map<string, Entry<T>>();

  function entryOf(url: string): Entry<T> {
    const entry = entries.get(url) ?? { freshUntil: 0, triedAt: Number.NEGATIVE_INFINITY };
    entries.delete(url);
    entries.set(url, entry);
    for (const oldest of entries.keys()) {
      if (entries.size <= MOST_DOCUMENTS) break;
      entries.delete(oldest);
    }
    return entry;
  }

  async function refresh(url: string, entry: Entry<T>): Promise<void> {
    entry.triedAt = clock.now();
    try {
      const { status, headers, body } = await send({ url });
      if (status !== 200) throw new UnusableDocument(`it answered with status ${status}`);
      if (mediaType && !mediaType.test(headers['content-type'] ?? '')) {
        throw new UnusableDocument('it is not marked as JSON');
      }
      const value = parse(jsonOf(body));
      if (value === undefined) throw new UnusableDocument('its content cannot be used');
      entry.value = value;
      entry.freshUntil = clock.now() + freshFor(headers['cache-control']);
      entry.why = undefined;
    } catch (fault) {
      entry.why = reasonOf(fault);
    }
  }

  return {
    async get(url, isWanted = () => true) {
      const entry = entryOf(url);
      const now = clock.now();
      const isFresh = entry.value !== undefined && now < entry.freshUntil;
      const isEnough = isFresh && entry.value !== undefined && isWanted(entry.value);
      const pause = entry.why !== undefined ? FAILED_PAUSE_MS : isFresh ? UNKNOWN_PAUSE_MS : 0;
      if (!isEnough && Math.abs(now - entry.triedAt) >= pause) {
        entry.pending ??= refresh(url, entry).finally(() => {
          entry.pending = undefined;
        });
      }
      if (!isEnough) await entry.pending;
      const { value, freshUntil, why } = entry;
      if (value !== undefined && clock.now() < freshUntil + STALE_MS) return { kind: 'document', value };
      return { kind: 'failed', why: why ?? 'it was not asked' };
    },
  };
}

/** The document is there and cannot be used; the message says why, in words for its owner. */
export class UnusableDocument extends Error {}

function reasonOf(fault: unknown): string {
  if (
    fault instanceof OutboundRefused ||
    fault instanceof OutboundFailed ||
    fault instanceof UnusableDocument
  ) {
    return fault.message;
  }
  throw fault;
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // Said by whoever finds that there is no document.
    return undefined;
  }
}

/** RFC 9111 section 5.2.2, within our bounds. */
function freshFor(cacheControl: string | undefined): number {
  const seconds = /(?:^|[\s,])max-age="?(\d{1,9})/i.exec(cacheControl ?? '')?.[1];
  const wanted = seconds === undefined ? USUAL_FRESH_MS : Number(seconds) * 1000;
  return Math.min(Math.max(wanted, LEAST_FRESH_MS), MOST_FRESH_MS);
}
