/** References: what a refused person or developer reads out, types or pastes to find out why. */
import { randomBytes } from 'node:crypto';

/** Crockford's base 32: no I, L, O or U, so that nothing reads like something else. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * Eight characters of 5 bits. The last bit says whether a record was kept, so that whoever asks later is told the truth
 * without one; the other 39 are random, which nobody guesses within the seven days that a refusal is kept.
 */
export function newReference(recorded: boolean): string {
  const bytes = randomBytes(8);
  const last = (bytes[7] ?? 0) & 30;
  bytes[7] = recorded ? last : last + 1;
  const characters = Array.from(bytes, (byte) => alphabet[byte & 31]).join('');
  return `${characters.slice(0, 4)}-${characters.slice(4)}`;
}

/** Whether the refusal was to be recorded, or was one too many of its network. @param reference in canonical form */
export function wasRecorded(reference: string): boolean {
  return alphabet.indexOf(reference.slice(-1)) % 2 === 0;
}

/** The form in which a reference is stored, from how people type it; undefined when it cannot be one. */
export function canonicalReference(typed: string): string | undefined {
  if (typed.length > 40) return undefined;
  const characters = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  if (!/^[0-9A-HJKMNP-TV-Z]{8}$/.test(characters)) return undefined;
  return `${characters.slice(0, 4)}-${characters.slice(4)}`;
}
