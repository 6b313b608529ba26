/**
 * Client secrets: made here, at random, and therefore kept as one SHA-256 each. There is nothing to guess in 256
 * random bits, so a slow hash would only slow the token endpoint.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { digest } from '../storage/digest.ts';

/** Recognisable to people and to scanners that look for leaked secrets. */
export const SECRET_PREFIX = 'cardea_secret_';

/** Longer than any secret we make: it costs no hash. */
const MAX_PRESENTED_LENGTH = 512;

/** A stored secret. Times are milliseconds since the epoch. */
export interface StoredSecret {
  readonly secretId: string;
  /** SHA-256 of the secret, base64url. */
  readonly digest: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
}

/** A new secret: its value (given out once), and what is stored of it. */
export function newSecret(at: number): { value: string; stored: StoredSecret } {
  const value = SECRET_PREFIX + randomBytes(32).toString('base64url');
  const secretId = `cs_${randomBytes(9).toString('base64url')}`;
  return { value, stored: { secretId, digest: digest(value), createdAt: at } };
}

const nothing = Buffer.alloc(43);

/**
 * Finds the live secret that was presented. Compares with every one in constant time and does not stop at a match; a
 * client without secrets costs a hash and a comparison all the same.
 * @param now milliseconds since the epoch
 * @returns the secret that matched and has not expired
 */
export function matchSecret(
  secrets: readonly StoredSecret[],
  presented: string,
  now: number,
): StoredSecret | undefined {
  if (presented === '' || presented.length > MAX_PRESENTED_LENGTH) return undefined;
  const candidate = Buffer.from(digest(presented));
  let matched: StoredSecret | undefined;
  if (secrets.length === 0) timingSafeEqual(candidate, nothing);
  for (const secret of secrets) {
    const stored = Buffer.from(secret.digest);
    const equal = stored.length === candidate.length && timingSafeEqual(stored, candidate);
    if (equal && (secret.expiresAt === undefined || secret.expiresAt > now)) matched = secret;
  }
  return matched;
}
