/** Foreign text in mails: one line, bounded, nothing that steers, and nothing that a mail program would make a link. */

const MAX_LENGTH = 100;

/**
 * A name as it may stand in a subject or body: line ends, control and direction characters (Unicode line separators
 * too) are gone, so that no header begins in it, and what looks like an address or link is broken up by word joiners,
 * since mail programs make links of plain text.
 */
export function plainName(name: string): string {
  const line = name
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const short = [...line].slice(0, MAX_LENGTH).join('');
  return short.replace(/([\p{L}\p{N}\p{M}\p{So}])([.:@/])(?=\S)/gu, '$1\u2060$2\u2060');
}
