/**
 * Recovery codes: twelve letters in three groups, 51.8 bits each. Consonants only (the alphabet of RFC 8628 section 6.1):
 * no digit that looks like a letter, and no word by accident.
 */
import { createHmac, randomInt } from 'node:crypto';

const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const GROUPS = 3;
const GROUP_LETTERS = 4;
const CODE = new RegExp(`^[${LETTERS}]{${GROUPS * GROUP_LETTERS}}$`);

/** A sheet that lasts for years of lost phones, and still fits a small piece of paper. */
export const RECOVERY_CODES = 10;

/** As they are shown, once: `BCDF-GHJK-LMNP`. */
export function generateRecoveryCodes(): readonly string[] {
  const codes = new Set<string>();
  while (codes.size < RECOVERY_CODES) {
    const group = () =>
      Array.from({ length: GROUP_LETTERS }, () => LETTERS[randomInt(LETTERS.length)]).join('');
    codes.add(Array.from({ length: GROUPS }, group).join('-'));
  }
  return [...codes];
}

/** Typed in any case, with any blanks or dashes. Undefined: no code of ours, so that nothing is asked of the store. */
export function plainRecoveryCode(typed: string): string | undefined {
  const code = typed
    .slice(0, 64)
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Cf}\p{Pd}]/gu, '');
  return CODE.test(code) ? code : undefined;
}

/**
 * What a code is filed under. With one SHA-256 alone, a stolen dump would give all codes of an account to some hours of
 * rented graphics cards (2^52 tries at 10^11 a second); with a secret of the installation, which lies sealed in that
 * dump, it gives nothing, and one statement still finds the code. The account is part of it: equal codes of two accounts
 * look unlike.
 */
export function digestOfRecoveryCode(secret: string, accountId: string, code: string): string {
  return createHmac('sha256', secret).update(`recovery code\n${accountId}\n${code}`).digest('base64url');
}
