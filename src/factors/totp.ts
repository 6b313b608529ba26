/**
 * Time-based codes (RFC 6238): SHA-1, six digits, thirty seconds, which is what every authenticator app does whatever
 * the key's address says. Pure: what has been taken already is the store's to know.
 */
import { generateURI, generateSecret as makeSecret, verifySync } from 'otplib';

/** RFC 4226 section 4, R6: 160 bits, the length of the hash. 32 letters of base32. */
const SECRET_BYTES = 20;
const PERIOD_SECONDS = 30;
const CODE = /^\d{6}$/;

/** base32, 32 letters. */
export function generateSecret(): string {
  return makeSecret({ length: SECRET_BYTES });
}

/** `otpauth://…`, what the QR code says. @param issuer what the app shows above the codes */
export function addressOfSecret(
  secret: string,
  { issuer, email }: { issuer: string; email: string },
): string {
  return generateURI({ strategy: 'totp', issuer, label: email, secret });
}

/**
 * The time step whose code this is. RFC 6238 section 5.2: one step before and one after the present one, for clocks
 * that are off by up to half a minute and for typing; more would only help whoever guesses.
 * @param code as `plainCode` gives it
 * @param at ms
 */
export function stepOfCode(secret: string, code: string, at: number): number | undefined {
  if (!CODE.test(code)) return undefined;
  const epoch = Math.floor(at / 1000);
  const found = verifySync({ secret, token: code, epoch, epochTolerance: PERIOD_SECONDS });
  return found.valid && 'timeStep' in found ? found.timeStep : undefined;
}

/** What was typed, without the blanks that apps show, in plain digits: full-width, Arabic and Persian ones too. */
export function plainCode(typed: string): string {
  return typed
    .slice(0, 64)
    .normalize('NFKC')
    .replace(/[\s\p{Cf}-]/gu, '')
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String((digit.codePointAt(0) ?? 0) % 16));
}
