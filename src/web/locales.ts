/** Which of our languages fits a list of wishes. */

/** More than anybody reads; a longer list, or a longer tag (RFC 5646 section 4.4.1), is not looked at. */
const MAX_TAGS = 10;
const TAG = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}$/;

/**
 * RFC 4647 section 3.4, look-up: each wish in its order, shortened from its end until a language of ours fits.
 * @param asked a space-separated list of BCP 47 tags (OpenID Connect Core section 3.1.2.1), as it was sent
 * @returns undefined when none fits
 */
export function chooseLocale(asked: unknown, ours: readonly string[]): string | undefined {
  if (typeof asked !== 'string') return undefined;
  for (const tag of asked.slice(0, 500).split(' ').slice(0, MAX_TAGS)) {
    if (!TAG.test(tag)) continue;
    const parts = tag.toLowerCase().split('-');
    for (let length = parts.length; length > 0; length -= 1) {
      const wanted = parts.slice(0, length).join('-');
      const found = ours.find((one) => one.toLowerCase() === wanted);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/**
 * The tags of an `Accept-Language` header (RFC 9110 section 12.5.4), the most wanted first, space-separated.
 * What is refused (`q=0`) and `*` are left out.
 */
export function acceptedLocales(header: string): string {
  return header
    .slice(0, 500)
    .split(',')
    .slice(0, 2 * MAX_TAGS)
    .flatMap((one) => {
      const [tag = '', ...parameters] = one.split(';').map((part) => part.trim());
      const weight = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2);
      const quality = weight === undefined ? 1 : Number(weight);
      return TAG.test(tag) && quality > 0 && quality <= 1 ? [{ tag, quality }] : [];
    })
    .sort((a, b) => b.quality - a.quality)
    .map(({ tag }) => tag)
    .join(' ');
}
