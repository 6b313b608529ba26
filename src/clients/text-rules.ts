/** The rules for text that people read on the consent page, in mails and in the console. */

/** Longer names push the rest of a consent page out of sight. */
const MAX_NAME_LENGTH = 100;

/**
 * Characters that make a name look like another one or turn the text around it: control and private characters, line
 * ends, direction marks and overrides, invisible ones. Joiners (U+200C, U+200D) stay: Persian and emoji need them.
 */
const deceptive = new RegExp(
  [
    '[\\p{Cc}\\p{Cs}\\p{Co}\\p{Zl}\\p{Zp}]',
    // Invisible letters and marks: soft hyphen, grapheme joiner, Hangul fillers, Khmer vowels, zero-width space …
    '[\\u{ad}\\u{115f}\\u{1160}\\u{180e}\\u{200b}\\u{3164}\\u{feff}\\u{ffa0}\\u{fff9}-\\u{fffb}]',
    '\\u{34f}|\\u{17b4}|\\u{17b5}',
    // Direction marks, embeddings, overrides and isolates; invisible operators.
    '[\\u{61c}\\u{200e}\\u{200f}\\u{202a}-\\u{202e}\\u{2060}-\\u{206f}]',
    // Tag characters.
    '[\\u{e0000}-\\u{e007f}]',
  ].join('|'),
  'u',
);

/** Judges a name, or another line of text, of at most `max` characters. */
export function nameFaults(name: string, max: number = MAX_NAME_LENGTH): string[] {
  if (name.length > max * 4 || [...name].length > max) return [`is longer than ${max} characters`];
  const faults: string[] = [];
  if (name.trim() !== name) faults.push('begins or ends with a space');
  if (!/[\p{L}\p{N}\p{S}\p{P}]/u.test(name)) faults.push('holds nothing to read');
  if (deceptive.test(name)) faults.push('holds control, invisible or text-direction characters');
  if (name.normalize('NFC') !== name) faults.push('is not in Unicode normal form C');
  if (/\p{M}{4}/u.test(name)) faults.push('piles up combining characters');
  return faults;
}

/** RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ). */
export function scopeFaults(scope: string): string[] {
  if (scope.length > 128) return ['is longer than 128 characters'];
  return /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)
    ? []
    : ['is not a scope: no space, quote, backslash or non-ASCII character (RFC 6749 section 3.3)'];
}
