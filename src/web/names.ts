/** Names and addresses that others chose, made fit to be shown. Escaping is the template's work; this is the rest. */

/** A person as templates see them. */
export interface PersonView {
  readonly email: string;
  readonly name: string | undefined;
  readonly initial: string;
}

/** Longer names are cut: two lines at 20 px on a phone. */
const MAX_NAME = 60;

export function personView(person: {
  readonly email: string;
  readonly name?: string | undefined;
}): PersonView {
  const name = person.name === undefined ? undefined : displayName(person.name) || undefined;
  return { email: person.email, name, initial: initialOf(name ?? person.email) };
}

/**
 * One line, without control characters and without those that turn the direction of text around or hide in it
 * (Unicode UAX 9, bidirectional formatting; zero-width characters): 'Orders\u202Egnp.exe' must not read otherwise.
 */
export function displayName(name: string): string {
  const clean = name
    .normalize('NFC')
    .replace(
      /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF]/gu,
      ' ',
    )
    .replace(/\s+/g, ' ')
    .trim();
  const letters = Array.from(clean);
  return letters.length > MAX_NAME ? `${letters.slice(0, MAX_NAME - 1).join('')}…` : clean;
}

/** The address when it is https: what a client registered is shown or linked only then. */
export function httpsUrl(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  return url.protocol === 'https:' && url.username === '' ? url.href : undefined;
}

export function initialOf(name: string): string {
  return Array.from(name.match(/[\p{L}\p{N}]/u)?.[0] ?? '?')[0]?.toUpperCase() ?? '?';
}
