/** Builds what the protocol signs with from the stored keys. */
import type { JWK } from 'jose';
import type { Sealing } from '../storage/sealing.ts';
import type { StoredKey } from './keys-store.ts';
import type { KeySet, KeyState } from './signing-key.ts';

/** The engine signs with the first key that fits: the signing one stands first, the published one never before it. */
const order: Readonly<Record<KeyState, number>> = { signing: 0, published: 1, retired: 2, gone: 3 };

/** Where a private part was sealed for: no other row's text opens in its place. */
export function sealedFor(kid: string): string {
  return `signing-key:${kid}`;
}

/**
 * Opens the private parts of all keys that are not gone.
 * @param version what the set is to be called
 * @throws Error when one does not open under any of the master keys; names the key, not its content
 */
export function buildKeySet(keys: readonly StoredKey[], sealing: Sealing, version: number): KeySet {
  const live = keys
    .filter((key) => key.state !== 'gone')
    .toSorted((a, b) => order[a.state] - order[b.state] || b.publishedAt - a.publishedAt);
  return {
    version,
    jwks: { keys: live.map((key) => openPrivate(key, sealing)) },
    publicKeys: live.map((key) => key.publicJwk),
  };
}

function openPrivate(key: StoredKey, sealing: Sealing): JWK {
  try {
    return JSON.parse(sealing.open(key.sealedPrivate ?? '', sealedFor(key.kid))) as JWK;
  } catch (cause) {
    throw new Error(
      `the signing key ${key.kid} was sealed under another master key: add the one it was made with to CARDEA_MASTER_KEY`,
      { cause },
    );
  }
}

/** Equal for equal sets: which keys there are and in which state. */
export function fingerprintOf(keys: readonly StoredKey[]): string {
  return keys
    .filter((key) => key.state !== 'gone')
    .map((key) => `${key.kid} ${key.state}`)
    .toSorted()
    .join(' ');
}
