/** Which of our languages a person gets (OpenID Connect Core section 3.1.2.1, `ui_locales`). */

/** More than anybody reads; a longer list, or a longer tag (RFC 5646 section 4.4.1), is not looked at. */
const MAX_TAGS = 10;
const TAG = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}$/;

/**
 * RFC 4647 section 3.4, look-up: each wish in its order, shortened from its end until a language of ours fits.
 * @param asked a space-separated list of BCP 47 tags, as it was sent
 * @param ours the default first
 */
export function chooseLocale(asked: unknown, ours: readonly string[]): string {
  const [fallback = 'en'] = ours;
  if (typeof asked !== 'string') return fallback;
  for (const tag of asked.slice(0, 500).split(' ').slice(0, MAX_TAGS)) {
    if (!TAG.test(tag)) continue;
    const parts = tag.toLowerCase().split('-');
    for (let length = parts.length; length > 0; length -= 1) {
      const wanted = parts.slice(0, length).join('-');
      const found = ours.find((one) => one.toLowerCase() === wanted);
      if (found !== undefined) return found;
    }
  }
  return fallback;
}
