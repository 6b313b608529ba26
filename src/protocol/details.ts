/** Authorization details (RFC 9396) by themselves: which APIs they are for, what makes two the same, what is within what. */
import { detailFault, type JsonObject } from '../clients/detail-schema.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import { digest } from '../storage/digest.ts';

export type Detail = JsonObject & { readonly type: string };

/** A detail of a request, and the APIs of that request that it is for. */
export interface AskedDetail {
  /** Of the detail and its APIs: what a consent is compared by. */
  readonly digest: string;
  readonly type: string;
  readonly audiences: readonly string[];
  readonly detail: Detail;
}

/** The parameter fits in a URL, and on a page that somebody reads. */
const MAX_LENGTH = 8_192;
const MAX_DETAILS = 10;
const MAX_DEPTH = 10;

/** @returns what is wrong with the whole parameter, before anything else looks at it */
export function parameterFault(parameter: string, count: number): string | undefined {
  if (parameter.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`;
  return count > MAX_DETAILS ? `more than ${MAX_DETAILS} details` : undefined;
}

/** The parameter of a request that the engine has accepted; empty when there is none. */
export function detailsOf(parameter: unknown): readonly Detail[] {
  if (typeof parameter !== 'string') return [];
  const parsed: unknown = JSON.parse(parameter);
  return Array.isArray(parsed) ? (parsed as readonly Detail[]) : [];
}

/** The servers of these that know the type of a detail and stand in its `locations`, when it names any. */
export function serversFor(detail: Detail, servers: readonly ResourceServer[]): readonly ResourceServer[] {
  const { locations } = detail;
  return servers.filter(
    (server) =>
      server.authorizationTypes?.some(({ type }) => type === detail.type) &&
      (!Array.isArray(locations) || locations.includes(server.audience)),
  );
}

/** @param servers the APIs of the request */
export function asked(detail: Detail, servers: readonly ResourceServer[]): AskedDetail {
  const audiences = serversFor(detail, servers)
    .map(({ audience }) => audience)
    .sort();
  return { digest: digest(canonical([audiences, detail])), type: detail.type, audiences, detail };
}

/** What is wrong with a detail at one of the servers that know its type, naming the member and never its value. */
export function faultAt(detail: Detail, servers: readonly ResourceServer[]): string | undefined {
  if (depthOf(detail) > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH}`;
  for (const server of servers) {
    const known = server.authorizationTypes?.find(({ type }) => type === detail.type);
    const fault = known && detailFault(known.schema, detail);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Lists of rights (RFC 9396 section 2.2): some of them are less than all of them. */
const lists: ReadonlySet<string> = new Set(['locations', 'actions', 'datatypes', 'privileges']);

/** Whether what is wanted is the same as what was granted, or less of its lists. An empty or absent list is not less. */
export function isWithin(wanted: Detail, granted: Detail): boolean {
  const names = new Set([...Object.keys(wanted), ...Object.keys(granted)]);
  return [...names].every((name) => {
    const some = wanted[name];
    const all = granted[name];
    if (lists.has(name) && Array.isArray(some) && Array.isArray(all)) {
      return some.length > 0 && some.every((one) => all.includes(one));
    }
    return some !== undefined && all !== undefined && canonical(some) === canonical(all);
  });
}

/** JSON with the members of every object in one order (compare RFC 8785). */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
