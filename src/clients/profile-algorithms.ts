/** Which signatures a profile accepts and makes (FAPI 2.0 Security Profile section 5.4.1). */
import type { IdTokenAlg, Profile } from './client.ts';

export const fapiAlgs: readonly IdTokenAlg[] = ['ES256', 'PS256', 'EdDSA'];

/** Whether a signature by this algorithm counts for a client of this profile. What all of them refuse is not asked here. */
export function isSignatureAllowed(profile: Profile | undefined, alg: string): boolean {
  return profile !== 'fapi2' || fapiAlgs.some((one) => one === alg) || alg === 'Ed25519';
}
