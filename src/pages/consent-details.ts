/** Authorization details (RFC 9396) in the words of their API, with what the request filled in, and its sensitive members. */

import { displayName } from '../web/names.ts';
import type { Texts } from '../web/texts.ts';
import type { ConsentItem } from './consent-item.ts';
import type { AskedDetail, AuthorizationTypeNames, FrontDoor } from './front-door.ts';

/** A list on a page is read to its end only when it has one. */
const MAX_LIST = 8;

export async function describeDetails(
  details: readonly AskedDetail[],
  { texts, findResource }: { texts: Texts; findResource: FrontDoor['findResource'] },
): Promise<readonly ConsentItem[]> {
  return Promise.all(
    details.map(async ({ type, audiences, detail }): Promise<ConsentItem> => {
      const servers = await Promise.all(audiences.map((audience) => findResource(audience)));
      const names = servers.map((server, place) => displayName(server?.name ?? audiences[place] ?? ''));
      const known = servers
        .flatMap((server) => server?.authorizationTypes ?? [])
        .find((one) => one.type === type);
      return {
        title: titleOf(known, type, detail, texts),
        detail: undefined,
        sensitive: true,
        owner: names.join(', ') || undefined,
        members: membersOf(known, detail, texts),
      };
    }),
  );
}

/** 'Pay {amount.value} {amount.currency}' with what the request says; each value shown as a value, never as text of ours. */
function titleOf(
  known: AuthorizationTypeNames | undefined,
  type: string,
  detail: Readonly<Record<string, unknown>>,
  texts: Texts,
): string {
  if (!known) return displayName(type);
  return known.description.replace(/\{([^{}]+)\}/g, (_, path: string) =>
    isolated(shown(valueAt(detail, path), texts)),
  );
}

function membersOf(
  known: AuthorizationTypeNames | undefined,
  detail: Readonly<Record<string, unknown>>,
  texts: Texts,
): readonly { readonly name: string; readonly value: string }[] {
  // Rights that a request may list in every type (RFC 9396 section 2.2) are never granted unseen.
  const common = ['actions', 'datatypes', 'privileges', 'identifier'].filter((name) => name in detail);
  return [...new Set([...(known?.sensitive ?? []), ...common])].map((path) => ({
    name: displayName(
      path
        .replace(/[._]/g, ' ')
        .replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`),
    ),
    value: shown(valueAt(detail, path), texts),
  }));
}

/** The member at a path of own members; undefined when there is none. */
function valueAt(detail: Readonly<Record<string, unknown>>, path: string): unknown {
  let value: unknown = detail;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

function shown(value: unknown, texts: Texts): string {
  if (typeof value === 'string') return displayName(value) || texts.t('consent.nothing');
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) {
    const few = value.slice(0, MAX_LIST).map((one) => shown(one, texts));
    return [...few, ...(value.length > MAX_LIST ? ['…'] : [])].join(', ') || texts.t('consent.nothing');
  }
  if (value === undefined || value === null) return texts.t('consent.nothing');
  const members = Object.entries(value).slice(0, MAX_LIST);
  return members.map(([name, one]) => `${displayName(name)}: ${shown(one, texts)}`).join(', ');
}

/** First-strong isolate (Unicode UAX 9): a value from right to left turns nothing around it. */
function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}
