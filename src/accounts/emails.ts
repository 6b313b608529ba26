/**
 * One canonical form for an e-mail address, so that one mailbox has one account however it is typed. Look-ups, the
 * unique index and the throttle go by it; the form as typed is kept beside it and is the only one that mail is sent
 * to, so that merging two spellings can never send one person's mail to another.
 *
 * Decisions, each a row of the table in test/accounts/emails.test.ts:
 * - NFKC: full-width, ligature and other compatibility forms are the plain letters they look like (`ＡＤＭＩＮ`).
 * - Case is folded in full (Unicode 16 section 5.18.4): down, up and down, so that `ß`, `ẞ` and `ss` are one, as are `ſ`
 *   and `s`, `ς` and `σ`. RFC 5321 section 2.4 lets a mail host tell `A@` from `a@`; none that people use does.
 * - Turkish `İ`, `ı`, `I` and `i` are one: folding does not know the language, and more merging is the safe side.
 * - `+tag` and dots in the local part are kept: their meaning is the mail host's own.
 * - An internationalised domain is its punycode form (RFC 5890, UTS 46), whichever of the two was typed.
 * - Refused: control characters (before trimming, so that no CRLF hides at the end), invisible ones, quoted local
 *   parts, comments, address literals, more than one `@`, spaces inside.
 */
import { domainToASCII } from 'node:url';

export type EmailOutcome =
  | { readonly kind: 'email'; readonly email: string; readonly canonical: string }
  | { readonly kind: 'refused'; readonly message: string };

/** RFC 5321 section 4.5.3.1: 254 octets for the address as a whole (erratum 1690), 64 for the local part. */
const MAX_OCTETS = 254;
const MAX_LOCAL_OCTETS = 64;

/** RFC 5322 section 3.2.3 (atext) and, by RFC 6531 section 3.3, letters, marks and digits of every script. */
const ATOM = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+$/u;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Judges an address and names its canonical form. Never throws; costs no more for a megabyte than for 255 bytes. */
export function canonicalEmail(typed: string): EmailOutcome {
  if (typed.length > 4 * MAX_OCTETS) return refused(`must have at most ${MAX_OCTETS} bytes`);
  if (/\p{Cc}/u.test(typed)) return refused('must not hold control characters or line breaks');
  if (!typed.isWellFormed()) return refused('is not well-formed text');
  const email = typed.trim();
  if (/[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Co}\p{Cn}]/u.test(email)) {
    return refused('must not hold invisible characters');
  }
  const parts = email.normalize('NFKC').split('@');
  if (parts.length < 2) return refused('must have the form name@example.com');
  if (parts.length > 2) return refused('must have exactly one @');
  const [localPart = '', domainPart = ''] = parts;
  const local = foldCase(localPart);
  if (local === '') return refused('must have a name before the @');
  if (local.startsWith('"')) return refused('must not have a quoted name before the @');
  if (!local.split('.').every((atom) => ATOM.test(atom)))
    return refused('must have a plain name before the @');
  if (Buffer.byteLength(local) > MAX_LOCAL_OCTETS || Buffer.byteLength(localPart) > MAX_LOCAL_OCTETS) {
    return refused(`must have at most ${MAX_LOCAL_OCTETS} bytes before the @`);
  }
  const domain = canonicalDomain(domainPart);
  if (domain === undefined) return refused('must have a domain such as example.com after the @');
  const canonical = `${local}@${domain}`;
  if (Buffer.byteLength(canonical) > MAX_OCTETS || Buffer.byteLength(email) > MAX_OCTETS) {
    return refused(`must have at most ${MAX_OCTETS} bytes`);
  }
  return { kind: 'email', email, canonical };
}

/**
 * The throttle's name for what a person typed, an address or not: counted the same, so that the answer to nonsense
 * tells no more than the answer to an address.
 */
export function throttleNameOf(typed: string): string {
  const outcome = canonicalEmail(typed);
  return outcome.kind === 'email' ? outcome.canonical : `refused ${typed.slice(0, MAX_OCTETS).toLowerCase()}`;
}

/** Full case folding of text that is in NFKC, again in NFKC; folding it a second time changes nothing. */
function foldCase(text: string): string {
  // U+0307 is what lower-casing İ leaves behind; taken away after i only, so that other marks stay.
  const folded = text
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replaceAll('i\u0307', 'i')
    .replaceAll('ς', 'σ');
  return folded.normalize('NFKC');
}

/** Punycode, lower case; undefined for what is no host name: an address literal, a bare number, an empty label. */
function canonicalDomain(domain: string): string | undefined {
  if (domain === '' || /[\s[\]:/\\?#%]/.test(domain)) return undefined;
  const ascii = domainToASCII(domain.toLowerCase());
  const labels = ascii.split('.');
  if (!labels.every((label) => LABEL.test(label))) return undefined;
  // domainToASCII reads 1.2.3.4, 0x7f.1 and 2130706433 as an IPv4 address: an address literal in disguise.
  if (/^\d+$/.test(labels.at(-1) ?? '')) return undefined;
  if (labels.length === 1 && ascii !== 'localhost') return undefined;
  return ascii;
}

function refused(message: string): EmailOutcome {
  return { kind: 'refused', message };
}
