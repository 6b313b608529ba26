/** The rules for a client's own public keys (RFC 7517), with which it signs client assertions (RFC 7523). */
import { createPublicKey } from 'node:crypto';
import type { JWK } from 'jose';

/** A client that rotates has two or three; each costs a try at verification. */
const MAX_KEYS = 10;
const MIN_RSA_BITS = 2_048;
const MAX_RSA_BITS = 8_192;

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const;
const keptMembers = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use'] as const;
const curves: ReadonlySet<string> = new Set(['P-256', 'P-384', 'P-521', 'Ed25519']);
/** Never HS*: a shared secret is not a public key, and its digest is all that is kept of one. */
const algs: ReadonlySet<string> = new Set([
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]);

function keyFaults(key: Readonly<Record<string, unknown>>): string[] {
  if (privateMembers.some((member) => Object.hasOwn(key, member))) {
    return ['holds a private or secret key; send the public part only, and replace that key'];
  }
  for (const member of keptMembers) {
    if (key[member] !== undefined && typeof key[member] !== 'string')
      return [`has a ${member} that is no text`];
  }
  if (key.kty !== 'RSA' && key.kty !== 'EC' && key.kty !== 'OKP')
    return ['has a kty other than RSA, EC or OKP'];
  if (key.kty !== 'RSA' && !curves.has(String(key.crv)))
    return ['has a curve other than P-256, P-384, P-521 or Ed25519'];
  if (key.use !== undefined && key.use !== 'sig') return ['has a use other than sig'];
  if (key.alg !== undefined && !algs.has(String(key.alg)))
    return ['has an alg that is no public-key signature'];
  if (typeof key.kid === 'string' && key.kid.length > 256) return ['has a kid longer than 256 characters'];
  try {
    const bits = createPublicKey({ key, format: 'jwk' }).asymmetricKeyDetails?.modulusLength;
    if (bits !== undefined && (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)) {
      return [`is an RSA key of ${bits} bits; ${MIN_RSA_BITS} to ${MAX_RSA_BITS} are accepted`];
    }
    return [];
  } catch {
    return ['is not a valid public key'];
  }
}

/**
 * Judges a JWK set and keeps of each key only the members that have a meaning here.
 * @returns the set to store, or what is wrong with the one that was sent
 */
export function judgeJwks(jwks: unknown): { keys: JWK[] } | { faults: string[] } {
  const keys: unknown = typeof jwks === 'object' && jwks !== null && 'keys' in jwks ? jwks.keys : undefined;
  if (!Array.isArray(keys) || keys.length === 0) return { faults: ['must be an object with a list of keys'] };
  if (keys.length > MAX_KEYS) return { faults: [`holds more than ${MAX_KEYS} keys`] };
  const faults: string[] = [];
  const kept: JWK[] = [];
  for (const [index, key] of (keys as readonly unknown[]).entries()) {
    if (typeof key !== 'object' || key === null) {
      faults.push(`key ${index + 1} is not an object`);
      continue;
    }
    const record = key as Record<string, unknown>;
    faults.push(...keyFaults(record).map((fault) => `key ${index + 1} ${fault}`));
    const present = keptMembers.filter((member) => Object.hasOwn(record, member));
    kept.push(Object.fromEntries(present.map((member) => [member, record[member]])) as JWK);
  }
  return faults.length > 0 ? { faults } : { keys: kept };
}
