/** Longest name that a person may give: one line of the list on a phone. */
export const MAX_NAME = 60;

/** One clean line, or undefined when nothing is left of it. Longer ones are cut. */
export function passkeyName(typed: string | undefined): string | undefined {
  const clean = (typed ?? '')
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return Array.from(clean).slice(0, MAX_NAME).join('').trim() || undefined;
}
