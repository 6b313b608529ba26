/**
 * The two ceremonies of WebAuthn Level 3 section 7, by @simplewebauthn/server: what is asked of the browser, and what its
 * answer proves. It owns no row: challenges arrive used up, credentials arrive as they were stored.
 */
import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server';
import type { Holder, VerifiedPasskey } from './passkey.ts';
import type { AssertionAnswer, RegistrationAnswer } from './responses.ts';

/** Whom passkeys are for. */
export interface RelyingParty {
  readonly id: string;
  /** Shown by the browser beside the account. */
  readonly name: string;
  /** The one origin whose pages may use them. */
  readonly origin: string;
}

/** What of a stored credential its check needs. */
export interface StoredKey {
  readonly credentialId: string;
  /** Base64url. */
  readonly publicKey: string;
  readonly backupEligible: boolean;
}

/** RFC 8152 section 8 and RFC 8812: ES256, EdDSA, RS256, in the order in which we like them. Every authenticator has one. */
const ALGORITHMS = [-7, -8, -257];

/** Loaded with the first ceremony: with its certificates and ASN.1 it holds 26 MB, which a server at rest does without. */
const library = () => import('@simplewebauthn/server');

export function createCeremonies(o: { rp: RelyingParty; timeoutSeconds: number }) {
  const { rp } = o;
  const timeout = o.timeoutSeconds * 1000;

  return {
    /** The same for everybody: no account is named, so nothing is told of any (ASVS 5 6.3.8). */
    async signInOptions(challenge: Uint8Array<ArrayBuffer>): Promise<PublicKeyCredentialRequestOptionsJSON> {
      const { generateAuthenticationOptions } = await library();
      return generateAuthenticationOptions({ rpID: rp.id, challenge, timeout, userVerification: 'required' });
    },

    async addOptions(
      challenge: Uint8Array<ArrayBuffer>,
      holder: Holder,
      userHandle: string,
      known: readonly { readonly credentialId: string; readonly transports: readonly string[] }[],
    ): Promise<PublicKeyCredentialCreationOptionsJSON> {
      const { generateRegistrationOptions } = await library();
      return generateRegistrationOptions({
        rpName: rp.name,
        rpID: rp.id,
        userID: Uint8Array.from(Buffer.from(userHandle, 'base64url')),
        userName: holder.email,
        userDisplayName: holder.name ?? holder.email,
        challenge,
        timeout,
        attestationType: 'none',
        excludeCredentials: known.map(({ credentialId, transports }) => ({
          id: credentialId,
          transports: transports as never,
        })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        supportedAlgorithmIDs: ALGORITHMS,
      });
    },

    /** Section 7.1. Undefined when it proves nothing. */
    async verifyNew(answer: RegistrationAnswer, userHandle: string): Promise<VerifiedPasskey | undefined> {
      if (!(await isPlainAttestation(answer.response.response.attestationObject))) return undefined;
      const { verifyRegistrationResponse } = await library();
      const verified = await verifyRegistrationResponse({
        response: answer.response,
        expectedChallenge: answer.challenge,
        expectedOrigin: rp.origin,
        expectedRPID: rp.id,
        requireUserVerification: true,
        supportedAlgorithmIDs: ALGORITHMS,
      }).catch(asUnproved);
      if (!verified?.verified) return undefined;
      const { credential, aaguid, credentialDeviceType, credentialBackedUp } = verified.registrationInfo;
      // The id outside of what is hashed is only the browser's word for the one inside.
      if (credential.id !== answer.response.id) return undefined;
      return {
        credentialId: credential.id,
        userHandle,
        publicKey: Buffer.from(credential.publicKey).toString('base64url'),
        signCount: credential.counter,
        transports: answer.transports,
        backupEligible: credentialDeviceType === 'multiDevice',
        backedUp: credentialBackedUp,
        aaguid,
      };
    },

    /** Section 7.2, short of the counter, which its row decides. Undefined when it proves nothing. */
    async verifyUse(
      answer: AssertionAnswer,
      stored: StoredKey,
    ): Promise<{ signCount: number; backedUp: boolean } | undefined> {
      const { verifyAuthenticationResponse } = await library();
      const verified = await verifyAuthenticationResponse({
        response: answer.response,
        expectedChallenge: answer.challenge,
        expectedOrigin: rp.origin,
        expectedRPID: rp.id,
        requireUserVerification: true,
        credential: {
          id: stored.credentialId,
          publicKey: Uint8Array.from(Buffer.from(stored.publicKey, 'base64url')),
          // Below every counter: the library would judge it before the signature, and by a row read earlier.
          counter: -1,
        },
      }).catch(asUnproved);
      if (!verified?.verified) return undefined;
      const { newCounter, credentialDeviceType, credentialBackedUp } = verified.authenticationInfo;
      // Section 7.2 step 19: whether a credential can be copied never changes.
      if ((credentialDeviceType === 'multiDevice') !== stored.backupEligible) return undefined;
      return { signCount: newCounter, backedUp: credentialBackedUp };
    },
  };
}

export type Ceremonies = ReturnType<typeof createCeremonies>;

/** The library says by throwing what it does not accept. */
function asUnproved(): undefined {
  return undefined;
}

/**
 * We ask for no attestation and believe none. Browsers then send format `none`, or a statement that the key signed itself
 * (section 5.4.7): the two that verify without certificates, whose lists of revoked ones the library would fetch.
 */
async function isPlainAttestation(attestationObject: string): Promise<boolean> {
  const { decodeAttestationObject } = await import('@simplewebauthn/server/helpers');
  try {
    const decoded = decodeAttestationObject(Uint8Array.from(Buffer.from(attestationObject, 'base64url')));
    const format = decoded.get('fmt');
    return format === 'none' || (format === 'packed' && decoded.get('attStmt').get('x5c') === undefined);
  } catch {
    // Cut, oversized or otherwise no CBOR map with these members.
    return false;
  }
}
