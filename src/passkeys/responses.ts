/**
 * What a browser sends back, before any of it is believed: bounded, every member of the shape that WebAuthn Level 3
 * section 5.1.8 gives it, and made on a page of ours that stands in no frame. What the library checks is not repeated.
 */
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { z } from 'zod';

/** Characters of the whole: an RSA key with the longest credential id allowed makes about 6,000. */
export const MAX_RESPONSE = 12_000;
/** WebAuthn Level 3 section 7.1 step 25: a credential id has at most 1,023 bytes. */
const MAX_ID = 1_364;

const base64url = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[A-Za-z0-9_-]+$/);

const credential = {
  id: base64url(MAX_ID),
  rawId: base64url(MAX_ID),
  type: z.literal('public-key'),
  authenticatorAttachment: z.string().max(40).nullish(),
};

const assertion = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url(4_000),
    authenticatorData: base64url(2_000),
    signature: base64url(1_400),
    // Section 7.2 step 6: always there, since nobody is named before.
    userHandle: base64url(86),
  }),
});

const registration = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url(4_000),
    attestationObject: base64url(8_000),
    transports: z.array(z.string().max(40)).max(10).nullish(),
  }),
});

/** Section 5.8.4; whatever a browser that we do not know yet may answer to is not kept. */
const TRANSPORTS: ReadonlySet<string> = new Set(['ble', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']);

/** Only the members that are looked at. Unknown ones are to be ignored (section 5.8.1). */
const clientData = z.object({
  challenge: z.string().max(200),
  // Section 7.2 step 13 and 14: our pages stand in no frame, so nothing made in one is ours.
  crossOrigin: z.literal(false).optional(),
  topOrigin: z.undefined().optional(),
});

export interface AssertionAnswer {
  readonly response: AuthenticationResponseJSON;
  readonly userHandle: string;
  /** The browser says that the authenticator is no part of this device. */
  readonly roaming: boolean;
  readonly challenge: string;
}

export interface RegistrationAnswer {
  readonly response: RegistrationResponseJSON;
  readonly transports: readonly string[];
  readonly challenge: string;
}

/** Undefined for anything that no browser makes of a request of ours. */
export function readAssertion(text: string): AssertionAnswer | undefined {
  const read = assertion.safeParse(parsed(text));
  const challenge = read.success ? challengeOf(read.data.response.clientDataJSON) : undefined;
  if (!read.success || challenge === undefined) return undefined;
  const { id, rawId, type, response, authenticatorAttachment } = read.data;
  return {
    response: { id, rawId, type, response, clientExtensionResults: {} },
    userHandle: response.userHandle,
    roaming: authenticatorAttachment === 'cross-platform',
    challenge,
  };
}

export function readRegistration(text: string): RegistrationAnswer | undefined {
  const read = registration.safeParse(parsed(text));
  const challenge = read.success ? challengeOf(read.data.response.clientDataJSON) : undefined;
  if (!read.success || challenge === undefined) return undefined;
  const { id, rawId, type, response } = read.data;
  const { clientDataJSON, attestationObject, transports } = response;
  return {
    response: {
      id,
      rawId,
      type,
      response: { clientDataJSON, attestationObject },
      clientExtensionResults: {},
    },
    transports: [...new Set(transports ?? [])].filter((one) => TRANSPORTS.has(one)).sort(),
    challenge,
  };
}

function challengeOf(clientDataJSON: string): string | undefined {
  const read = clientData.safeParse(parsed(Buffer.from(clientDataJSON, 'base64url').toString('utf8')));
  return read.success ? read.data.challenge : undefined;
}

function parsed(text: string): unknown {
  if (text.length > MAX_RESPONSE) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
