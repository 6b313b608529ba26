/**
 * Text from outside, made safe to store, log and print: no control characters, no terminal escapes, no direction
 * overrides, no half surrogates, and bounded.
 */

/** Looks like one of our client secrets, or like a JWT: never stored, wherever it stands. */
const secretLike =
  /cardea_secret_[A-Za-z0-9_-]{16,}|eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*)*/g;

const secretPrefix = 'cardea_secret_';
/** Printable ASCII without backslash: nothing in it was escaped, and nothing has to be. */
const plainRow = /^[ -[\]-~]*$/;

const unsafe = /[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/**
 * Makes control and direction characters visible (`\u{1b}`), replaces what looks like a token or secret by its
 * length, and cuts at `max` characters.
 */
export function plainText(value: string, max: number): string {
  // Cut before the work, so that a huge value costs no more than a small one; the rest is only counted.
  const head = value.slice(0, max * 2).toWellFormed();
  const safe = head
    .replace(secretLike, (found) => `(hidden, ${found.length} characters)`)
    .replace(unsafe, escapeCharacter);
  if (safe.length <= max && head.length === value.length) return safe;
  const note = `… (${value.length} characters)`;
  return safe.slice(0, Math.max(0, max - note.length)).toWellFormed() + note;
}

/** JSON for a jsonb column: strings well-formed, without NUL (which jsonb refuses), each at most 1,000 characters. */
export function plainJson(value: readonly unknown[]): string {
  return `[${value.map(plainMember).join(',')}]`;
}

/** Nearly every row is short and plain: one look at its JSON instead of several at each of its strings. */
function plainMember(value: unknown): string {
  const json = JSON.stringify(value);
  if (json.length <= 1_000 && plainRow.test(json) && !json.includes('eyJ') && !json.includes(secretPrefix)) {
    return json;
  }
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'string' ? plainText(member, 1_000) : member,
  );
}
