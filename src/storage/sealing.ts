/**
 * Sealing of what lies at rest: AES-256-GCM under keys derived from the master keys. A sealed text reads
 * `s1.<key id>.<nonce, ciphertext and tag in base64url>`; the key id says which master key opens it, so that a list of
 * master keys rotates: the first one seals, the others still open what they once sealed.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import type { Secret } from '../config/secret.ts';
import { pooledRandomBytes } from './random-pool.ts';

export interface Sealing {
  /** Seals `plain`; it opens only with the same `aad`, which names the place it was sealed for. */
  seal(plain: string, aad: string): string;
  /** Opens what `seal` made. Throws {@link SealBroken} for another place, another key or a changed text. */
  open(sealed: string, aad: string): string;
  /** 32 bytes by HKDF-SHA-256 of the first master key; another label gives unrelated bytes. */
  derive(label: string): Buffer;
  /** Seals under a key that needs `secretValue` as well as the master key: the store alone opens nothing. */
  sealWith(secretValue: string, plain: string, aad: string): string;
  /** Opens what `sealWith` made. Throws {@link SealBroken}. */
  openWith(secretValue: string, sealed: string, aad: string): string;
}

/** A sealed text that does not open: another master key, another place, or changed on the way. Carries no content. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

interface MasterKey {
  readonly id: string;
  readonly bytes: Buffer;
  /** An object, as all keys here: node:crypto takes 17 µs for a seal under a Buffer's key and 6 under this. */
  readonly sealingKey: KeyObject;
  /** What `sealWith` makes its keys with; it seals nothing itself. */
  readonly derivingKey: KeyObject;
}

// NIST SP 800-38D section 8.2.2: a random 96-bit nonce is sound up to 2^32 messages a key. Artifacts live for days at
// most and every message has its own nonce; at 1,000 writes a second that bound is 49 days, past which two equal
// nonces have a chance of 2^-33 and would concern two payloads only. A new master key starts again from zero.
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 's1';

/** @throws when the list is empty or a key is shorter than 32 characters. */
export function createSealing(masterKeys: readonly Secret[]): Sealing {
  const keys = masterKeys.map(toMasterKey);
  const [first] = keys;
  if (!first) throw new Error('sealing needs at least one master key');

  const keyNamed = (id: string): MasterKey => {
    const key = keys.find((candidate) => candidate.id === id);
    if (!key) throw new SealBroken('sealed under a master key that is not in the list');
    return key;
  };
  return {
    seal: (plain, aad) => encrypt(first.id, first.sealingKey, plain, aad),
    open: (sealed, aad) => decrypt(sealed, aad, (id) => keyNamed(id).sealingKey),
    derive: (label) => hkdf(first.bytes, `cardea/derive/${label}`),
    sealWith: (secretValue, plain, aad) => encrypt(first.id, keyFor(first, secretValue), plain, aad),
    openWith: (secretValue, sealed, aad) => decrypt(sealed, aad, (id) => keyFor(keyNamed(id), secretValue)),
  };
}

function toMasterKey(secret: Secret): MasterKey {
  const bytes = Buffer.from(secret.reveal(), 'utf8');
  // 32 characters of base64url are 192 bits; fewer could be a word.
  if (bytes.length < 32) throw new Error('a master key needs at least 32 characters');
  const id = createHash('sha256').update('cardea/key-id/').update(bytes).digest('base64url').slice(0, 8);
  return {
    id,
    bytes,
    sealingKey: createSecretKey(hkdf(bytes, 'cardea/seal')),
    derivingKey: createSecretKey(hkdf(bytes, 'cardea/seal-with')),
  };
}

/**
 * NIST SP 800-108r1 section 4.1, one block: HMAC-SHA-256 of a label and the secret value under the master key's deriving
 * key. Either alone gives nothing. HKDF's second step would add nothing to 32 bytes but 40 µs a refresh.
 */
function keyFor(key: MasterKey, secretValue: string): KeyObject {
  const block = createHmac('sha256', key.derivingKey).update(
    `\x00\x00\x00\x01cardea/seal-with\x00${secretValue}`,
  );
  return createSecretKey(block.digest());
}

function hkdf(material: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', createSecretKey(material), '', info, 32));
}

function encrypt(id: string, key: KeyObject, plain: string, aad: string): string {
  const nonce = pooledRandomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(aad, 'utf8'));
  const body = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${VERSION}.${id}.${body.toString('base64url')}`;
}

function decrypt(sealed: string, aad: string, keyOf: (id: string) => KeyObject): string {
  const [version, id, text] = sealed.split('.');
  if (version !== VERSION || !id || !text) throw new SealBroken('not a sealed text');
  const body = Buffer.from(text, 'base64url');
  if (body.length < NONCE_BYTES + TAG_BYTES) throw new SealBroken('the sealed text is cut short');
  const decipher = createDecipheriv('aes-256-gcm', keyOf(id), body.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(aad, 'utf8'));
  decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
  try {
    const plain = decipher.update(body.subarray(NONCE_BYTES, body.length - TAG_BYTES));
    return Buffer.concat([plain, decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new SealBroken('the sealed text does not open here', { cause });
  }
}
