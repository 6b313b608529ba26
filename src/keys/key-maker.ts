/** Makes key pairs as JWKs (RFC 7517, RFC 7518, RFC 8037). */
import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { SigningAlg } from './signing-key.ts';

const generate = promisify(generateKeyPair);

/** 2,048 bits: the least that RFC 7518 section 3.3 accepts; 3,072 would sign at a third of the speed. */
const RSA_BITS = 2_048;

async function makePair(alg: SigningAlg): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  if (alg === 'ES256') return generate('ec', { namedCurve: 'P-256' });
  if (alg === 'EdDSA') return generate('ed25519');
  return generate('rsa', { modulusLength: RSA_BITS, publicExponent: 0x10001 });
}

/**
 * A new key pair of its own for one algorithm: an RS256 key never signs PS256.
 * @returns both parts with `kid` (RFC 7638 thumbprint), `alg` and `use`
 */
export async function makeKey(alg: SigningAlg): Promise<{ kid: string; publicJwk: JWK; privateJwk: JWK }> {
  const pair = await makePair(alg);
  const publicPart: JWK = pair.publicKey.export({ format: 'jwk' });
  const kid = await calculateJwkThumbprint(publicPart, 'sha256');
  const named = { kid, alg, use: 'sig' };
  return {
    kid,
    publicJwk: { ...publicPart, ...named },
    privateJwk: { ...pair.privateKey.export({ format: 'jwk' }), ...named },
  };
}
