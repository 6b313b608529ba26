/**
 * What was opened lately opens again without a cipher: an API asks about the same token at every call, and each time its
 * payload and its Grant's come sealed from the store. It answers for the sealed text itself, so what is kept is never old;
 * it is as good for one place (aad) as the seal was. What is used once (a code, a refresh token) does not belong here: it
 * would only be carried from one part of the heap to the next.
 */
import { createGenerations } from './generations.ts';
import type { Sealing } from './sealing.ts';

/** Tokens and Grants are 0.6 to 1.2 kB, sealed and opened together: a few MB. */
const MOST = 2_000;
/** One with large authorization details is deciphered each time, so that a few MB it stays. */
const LONGEST = 4_096;

export function openedLately(open: Sealing['open']): Sealing['open'] {
  const opened = createGenerations<{ readonly aad: string; readonly plain: string }>(MOST);
  return (sealed, aad) => {
    const known = opened.get(sealed);
    if (known?.aad === aad) return known.plain;
    const plain = open(sealed, aad);
    if (sealed.length <= LONGEST) opened.set(sealed, { aad, plain });
    return plain;
  };
}
