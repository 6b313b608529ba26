/** Which signatures a profile accepts and makes (FAPI 2.0 Security Profile section 5.4.1). */
import type { Profile } from './client.ts';

/** Ed25519 is the newer name of EdDSA with that curve (RFC 9864). */
const fapiAlgs: ReadonlySet<string> = new Set(['ES256', 'PS256', 'EdDSA', 'Ed25519']);

export function isFapiAlg(alg: string): boolean {
  return fapiAlgs.has(alg);
}

/** Whether a signature by this algorithm counts for a client of this profile. What all of them refuse is not asked here. */
export function isSignatureAllowed(profile: Profile | undefined, alg: string): boolean {
  return profile !== 'fapi2' || isFapiAlg(alg);
}
