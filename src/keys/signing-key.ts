/** What a signing key is. Owned by this room: making, sealing, publishing, using and retiring keys. */
import type { JWK } from 'jose';

export type SigningAlg = 'ES256' | 'RS256' | 'EdDSA' | 'PS256';

/**
 * The four states, in the one direction a key can move:
 * `published` (in the JWKS, does not sign yet) → `signing` (one for each algorithm) → `retired` (in the JWKS for what
 * it has signed) → `gone` (out of the JWKS; its private part is deleted, the row stays as a record).
 */
export type KeyState = 'published' | 'signing' | 'retired' | 'gone';

/** A key as it is listed; never its private part. Times are milliseconds since the epoch. */
export interface KeyInfo {
  /** The RFC 7638 thumbprint of its public part. */
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly state: KeyState;
  readonly publishedAt: number;
  readonly signingAt?: number;
  readonly retiredAt?: number;
  readonly goneAt?: number;
}

/** What the protocol signs with: built once for each version and never changed in place. */
export interface KeySet {
  /** Changes whenever a key moves; equal numbers mean equal sets. */
  readonly version: number;
  /** Private keys: for each algorithm the signing key first, then published and retired ones. */
  readonly jwks: { readonly keys: JWK[] };
  /** The public part of the same keys, in the same order: what the JWKS endpoint shows. */
  readonly publicKeys: JWK[];
}
