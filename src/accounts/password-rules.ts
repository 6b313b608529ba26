/**
 * Which passwords may be set. No rule about which characters to use and none about age (ASVS 5 6.2.5, 6.2.10): only
 * length, the common ones, and those that the account itself gives away.
 *
 * A password is taken as it comes: nothing is trimmed or cut off, NUL and spaces count. It is put into NFC (RFC 8265
 * section 4.2.2), because one keyboard sends `é` as one character and another as two; NFKC is not applied, since it
 * would make different passwords the same.
 */

import { isCommonPassword } from './common-passwords.ts';
import { canonicalEmail } from './emails.ts';
import type { Fault } from './fault.ts';

/** 1,024 bytes: far above the 64 characters that ASVS 5 6.2.9 asks for, and hashed in no more time than eight. */
export const MAX_PASSWORD_BYTES = 1024;
const MIN_PASSWORD_BYTES = 8;

/** What is hashed: NFC; undefined when it cannot be any account's password (too long, or no well-formed text). */
export function preparedPassword(password: string): string | undefined {
  // Measured before it is normalised, so that a megabyte costs nothing; three bytes is the most a code unit takes.
  if (password.length > MAX_PASSWORD_BYTES || !password.isWellFormed()) return undefined;
  const prepared = password.normalize('NFC');
  return Buffer.byteLength(prepared) <= MAX_PASSWORD_BYTES ? prepared : undefined;
}

/** The first fault of a new password, or undefined. `minLength` in characters (code points). */
export function judgePassword(
  password: string,
  context: { minLength: number; email?: string | undefined; words?: readonly string[] | undefined },
): Fault | undefined {
  if (!password.isWellFormed()) return passwordFault('unusable');
  const prepared = preparedPassword(password);
  if (prepared === undefined) return passwordFault('tooLong', { bytes: MAX_PASSWORD_BYTES });
  if ([...prepared].length < context.minLength || Buffer.byteLength(prepared) < MIN_PASSWORD_BYTES) {
    return passwordFault('tooShort', { minLength: context.minLength });
  }
  if (isGivenAway(prepared, context.email, context.words)) return passwordFault('givenAway');
  if (isCommonPassword(prepared)) return passwordFault('common');
  return undefined;
}

/**
 * The e-mail address in any spelling, or nothing but words that anybody who tries would try first (ASVS 5 6.2.11): parts
 * of the address, this service's name, and what `given` names (the person, the app, the host), with whatever digits and
 * signs between them.
 */
function isGivenAway(password: string, email: string | undefined, given: readonly string[] = []): boolean {
  const plain = plainOf(password);
  const names = [...given];
  if (email !== undefined) {
    const outcome = canonicalEmail(email);
    const canonical = outcome.kind === 'email' ? outcome.canonical : email.toLowerCase();
    names.push(email, canonical);
    if (outcome.kind === 'email' && canonicalEmail(plain.slice(0, 300)).kind === 'email') {
      const spelled = canonicalEmail(plain);
      if (spelled.kind === 'email' && spelled.canonical === canonical) return true;
    }
  }
  const words = new Set(['cardea', ...names.slice(0, MOST_NAMES).flatMap(wordsOf)]);
  // The longest first, or a short word would leave the rest of a longer one behind.
  const rest = [...words]
    .sort((one, other) => other.length - one.length)
    .reduce((left, word) => left.replaceAll(word, ' '), plain);
  return rest !== plain && !/\p{L}/u.test(rest);
}

const MOST_NAMES = 16;
/** Shorter pieces stand in too many good passwords. */
const LEAST_WORD = 3;

/** A name whole, without its spaces, and its parts. */
function wordsOf(name: string): string[] {
  const plain = plainOf(name.slice(0, 300));
  const parts = plain.split(/[^\p{L}\p{M}\p{N}]+/u);
  return [plain, parts.join(''), ...parts].filter((word) => word.length >= LEAST_WORD && /\p{L}/u.test(word));
}

function plainOf(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim();
}

/** For the command line; pages have `passwordFault.<kind>` in the person's language. */
const messages = {
  unusable: () => 'is not well-formed text',
  tooLong: ({ bytes = 0 }) => `must have at most ${bytes} bytes`,
  tooShort: ({ minLength = 0 }) => `must have at least ${minLength} characters`,
  givenAway: () => 'must not be made of your name, your e-mail address or the name of this service',
  common: () => 'is one of the most common passwords',
  leaked: () => 'has been found in leaked passwords of other services',
} as const satisfies Record<string, (values: Readonly<Record<string, number>>) => string>;

export function passwordFault(
  kind: keyof typeof messages,
  values: Readonly<Record<string, number>> = {},
): Fault {
  return {
    field: 'password',
    message: messages[kind](values),
    text: { key: `passwordFault.${kind}`, values },
  };
}
