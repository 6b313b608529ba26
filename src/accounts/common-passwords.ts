/**
 * Whether a password is among the common ones of an offline list (49,233 entries, all lower case; ASVS 5 6.2.4), or one of
 * them in a thin disguise. NIST SP 800-63B section 3.1.1.2.
 *
 * The list is the JSON file of `@zxcvbn-ts/language-common`, read on first use and searched as the bytes it is: 1.4 ms
 * and 2.4 MB once, 0.12 ms a search. The package's own entry unpacks three dictionaries: 20 ms and 18 MB for good.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const LIST = '@zxcvbn-ts/language-common/src/passwords.json';

let list: Buffer | undefined;

/** `password` in NFC; upper and lower case are the same. */
export function isCommonPassword(password: string): boolean {
  const lower = password.normalize('NFKC').toLowerCase();
  return isListed(lower) || isRepetition(lower) || isSequence(lower) || isListedWithAffix(lower);
}

/** An entry is its JSON text with the quotes, so that nothing matches across entries. */
function isListed(word: string): boolean {
  list ??= readFileSync(createRequire(import.meta.url).resolve(LIST));
  return list.includes(JSON.stringify(word));
}

/** `aaaaaaaaaaaa`, `abcabcabcabc`, `passwordpassword`: a short unit or a listed one, again and again. */
function isRepetition(word: string): boolean {
  const period = /^(.+?)\1+$/su.exec(word)?.[1];
  return period !== undefined && (period.length <= 4 || isListed(period));
}

/** `123456789012`, `abcdefghijkl`, `987654321098`: every character is the next, or the one before (9 and 0 are neighbours). */
function isSequence(word: string): boolean {
  const digits = /^\d+$/.test(word);
  const codes = [...word].map((character) => character.codePointAt(0) ?? 0);
  const steps = codes.slice(1).map((code, index) => {
    const step = code - (codes[index] ?? 0);
    return digits ? (step + 10) % 10 : step;
  });
  const [first] = steps;
  return (first === 1 || first === -1 || (digits && first === 9)) && steps.every((step) => step === first);
}

/** `password1234`, `!!Superman1!`: a listed word of six letters or more with up to four other characters on each side. */
function isListedWithAffix(word: string): boolean {
  const core = /^[^\p{L}]{0,4}(\p{L}{6,})[^\p{L}]{0,4}$/u.exec(word)?.[1];
  return core !== undefined && isListed(core);
}
