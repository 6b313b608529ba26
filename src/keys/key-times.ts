/** When a key may move to its next state. All in milliseconds; derived from the one table of lifetimes. */
import type { Lifetimes } from '../config/lifetimes.ts';
import type { KeyInfo } from './signing-key.ts';

/**
 * The longest life that a resource server may give its access tokens (clients/resource-rules.ts refuses more): what
 * a key signed may be out there for as long.
 */
const LONGEST_ACCESS_TOKEN_SECONDS = 86_400;

/**
 * A process learns of a new key within its lease of about a second; until then it serves a JWKS without it, which
 * its reader keeps for the whole cache lifetime.
 */
const SETTLE_MS = 5_000;

/** Processes go on signing with the old key until they hear of the new one, and clocks differ. */
const STRAGGLERS_MS = 60_000;

export interface KeyTimes {
  /** From published to signing: whoever cached the JWKS just before has fetched it again by then. */
  readonly publishMs: number;
  /**
   * From retired to gone: the last access token and ID token it signed are dead, and so is the oldest session that an
   * ID token can still end as `id_token_hint` (which outlives its own `exp`).
   */
  readonly keepMs: number;
  /** A key that has signed for so long is followed by a new one. */
  readonly rotateMs: number;
}

/** @param rotateAfterSeconds age at which a signing key is replaced */
export function keyTimes(lifetimes: Lifetimes, rotateAfterSeconds: number): KeyTimes {
  const { signingKeyPublish, jwksCache, sessionAbsolute, idToken, accessToken } = lifetimes;
  const longest = Math.max(sessionAbsolute, idToken, accessToken, LONGEST_ACCESS_TOKEN_SECONDS);
  return {
    publishMs: Math.max(signingKeyPublish, jwksCache) * 1_000 + SETTLE_MS,
    keepMs: longest * 1_000 + STRAGGLERS_MS,
    rotateMs: rotateAfterSeconds * 1_000,
  };
}

/**
 * When the key's next move is due: from published to signing, from signing to having a successor, from retired to gone.
 * @returns milliseconds since the epoch; undefined for a key that is gone, or whose successor waits already
 */
export function dueAt(key: KeyInfo, keys: readonly KeyInfo[], times: KeyTimes): number | undefined {
  if (key.state === 'published') return key.publishedAt + times.publishMs;
  if (key.state === 'retired') return (key.retiredAt ?? key.publishedAt) + times.keepMs;
  if (key.state === 'gone') return undefined;
  const followed = keys.some((other) => other.alg === key.alg && other.state === 'published');
  return followed ? undefined : (key.signingAt ?? key.publishedAt) + times.rotateMs;
}
