/**
 * The pseudo-locale: every text of ours accented, a third longer and in brackets. On a page in it, plain letters were
 * never given to the translators, and a missing bracket was cut off. `ui_locales=en-XA` asks for it.
 */

/** `XA`: user-assigned (BCP 47 section 2.2.4), what browsers and phones call theirs too. */
export const PSEUDO_LOCALE = 'en-XA';

const plain = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const accented = [...'åƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýžÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽ'];

/** Placeholders stay as they are. */
export function pseudoText(text: string): string {
  const body = text
    .split(/(\{\w+\})/)
    .map((piece) =>
      piece.startsWith('{')
        ? piece
        : [...piece].map((char) => accented[plain.indexOf(char)] ?? char).join(''),
    )
    .join('');
  return `[${body}${' ·'.repeat(Math.ceil(text.length / 6))}]`;
}
