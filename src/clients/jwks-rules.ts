/** The rules for a client's own public keys (RFC 7517), with which it signs client assertions (RFC 7523). */
import { createPublicKey, X509Certificate } from 'node:crypto';
import type { JWK } from 'jose';
import { signatureAlgs } from './signature-algs.ts';

/** A client that rotates has two or three; each costs a try at verification. */
const MAX_KEYS = 10;
const MIN_RSA_BITS = 2_048;
const MAX_RSA_BITS = 8_192;

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const;
const keptMembers = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use'] as const;
const curves: ReadonlySet<string> = new Set(['P-256', 'P-384', 'P-521', 'Ed25519']);

/** A published set may hold keys for other uses too. */
const MAX_PUBLISHED_KEYS = 100;
/** Longer than any certificate with a key of MAX_RSA_BITS. */
const MAX_CERTIFICATE = 8_192;

/** RFC 7517 section 4.7: the first certificate of the chain is the one of this very key. */
function certificateFaults(key: Readonly<Record<string, unknown>>): string[] {
  const { x5c } = key;
  if (x5c === undefined) return [];
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined;
  if (typeof first !== 'string' || first.length > MAX_CERTIFICATE || !/^[A-Za-z0-9+/]+={0,2}$/.test(first)) {
    return ['has an x5c that is no list of certificates in base64'];
  }
  try {
    const certificate = new X509Certificate(Buffer.from(first, 'base64'));
    const own = createPublicKey({ key, format: 'jwk' });
    return own.equals(certificate.publicKey) ? [] : ['has an x5c whose first certificate is of another key'];
  } catch {
    return ['has an x5c whose first certificate cannot be read'];
  }
}

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
  if (key.alg !== undefined && !signatureAlgs.includes(String(key.alg)))
    return ['has an alg that is no public-key signature'];
  if (typeof key.kid === 'string' && key.kid.length > 256) return ['has a kid longer than 256 characters'];
  try {
    const bits = createPublicKey({ key, format: 'jwk' }).asymmetricKeyDetails?.modulusLength;
    if (bits !== undefined && (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)) {
      return [`is an RSA key of ${bits} bits; ${MIN_RSA_BITS} to ${MAX_RSA_BITS} are accepted`];
    }
  } catch {
    return ['is not a valid public key'];
  }
  return certificateFaults(key);
}

/** Of one key, what has a meaning here. Of a chain only its first certificate has one (RFC 8705 section 2.2). */
function keptOf(record: Readonly<Record<string, unknown>>): JWK {
  const present = keptMembers.filter((member) => Object.hasOwn(record, member));
  const x5c = Array.isArray(record.x5c) ? { x5c: record.x5c.slice(0, 1) as string[] } : {};
  return { ...Object.fromEntries(present.map((member) => [member, record[member]])), ...x5c } as JWK;
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
    kept.push(keptOf(record));
  }
  return faults.length > 0 ? { faults } : { keys: kept };
}

/**
 * Reads a set that a client or an issuer publishes: what cannot be used is left out (RFC 7517 section 5), since it may
 * be for others.
 * @returns undefined when it is no JWK set, or a huge one
 */
export function readPublishedJwks(json: unknown): { readonly keys: readonly JWK[] } | undefined {
  const keys: unknown = typeof json === 'object' && json !== null && 'keys' in json ? json.keys : undefined;
  if (!Array.isArray(keys) || keys.length > MAX_PUBLISHED_KEYS) return undefined;
  const usable = (keys as readonly unknown[]).filter(
    (key): key is Record<string, unknown> => typeof key === 'object' && key !== null,
  );
  // SPIFFE bundles call their signing keys jwt-svid (SPIFFE Trust Domain and Bundle section 4.2.2).
  const named = usable.map((key) => (key.use === 'jwt-svid' ? { ...key, use: 'sig' } : key));
  return { keys: named.filter((key) => keyFaults(key).length === 0).map(keptOf) };
}
