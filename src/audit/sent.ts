/**
 * The parameters of a refused request that help to mend it, by name: those that hold nothing secret, and URIs with
 * whatever in them might. A hidden character is a `*` in its place, so that a difference can still be pointed at.
 */
import { plainText } from './plain-text.ts';
import { isShown, isShownAsUrl } from './received.ts';

const MAX_PARAMETERS = 16;
const VALUE_LENGTH = 160;
/** The longest redirect URI that is worth comparing by eye; the row stays below 4 kB. */
const URI_LENGTH = 400;

const userinfo = /^[^/?#]*\/\/([^/?#]*)@/d;
/** Whatever is as long as a token, code or secret of ours, wherever it stands (audit/received.ts). */
const likeASecret = /[\w-]{40,}/dg;
const queryValue = /[?&][^=&#]*=([^&#]+)/dg;
const fragment = /#(.+)$/d;

/**
 * Hides query values, fragments, userinfo and long words of a URI, each character by a `*`.
 * @param known URIs that are no secret, since the client registered them: what begins like one of them is shown
 */
export function maskUri(uri: string, known: readonly string[] = []): string {
  const bounded = uri.slice(0, URI_LENGTH * 2);
  const shared = Math.max(0, ...known.map((one) => sharedStart(one, bounded)));
  const characters = [...bounded].length === bounded.length ? bounded.split('') : undefined;
  // Beyond the basic plane nobody registers a URI (clients/uri-rules.ts): kind and length are enough.
  if (!characters) return `(${uri.length} characters with some that no URI has)`;
  const hide = ([from, to]: readonly [number, number]) => {
    for (let at = Math.max(from, shared); at < to; at++) characters[at] = '*';
  };
  for (const match of [userinfo.exec(bounded), fragment.exec(bounded)]) {
    if (match?.indices?.[1]) hide(match.indices[1]);
  }
  for (const match of bounded.matchAll(queryValue)) if (match.indices?.[1]) hide(match.indices[1]);
  for (const match of bounded.matchAll(likeASecret)) if (match.indices?.[0]) hide(match.indices[0]);
  return plainText(characters.join(''), URI_LENGTH);
}

/** How many characters two texts begin with alike. */
export function sharedStart(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at;
}

/** @param known URIs that the client registered */
export function sentParameters(
  parameters: Readonly<Record<string, unknown>>,
  known: readonly string[] = [],
): Record<string, string> {
  const kept: [string, string][] = [];
  for (const [name, value] of Object.entries(parameters)) {
    if (kept.length >= MAX_PARAMETERS) break;
    const text = textOf(value);
    if (text === undefined) continue;
    if (isShownAsUrl(name)) kept.push([name, maskUri(text, known)]);
    else if (isShown(name)) {
      const hidden = text.slice(0, 10_000).replace(likeASecret, (word) => `(${word.length} characters)`);
      kept.push([name, plainText(hidden, VALUE_LENGTH)]);
    }
  }
  return Object.fromEntries(kept);
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value.join(' ') : undefined;
}
