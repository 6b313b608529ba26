/** Types of authorization details that a resource server understands (RFC 9396), judged as its operator registers them. */
import { type JsonObject, schemaFaults } from './detail-schema.ts';
import { nameFaults } from './text-rules.ts';

export interface AuthorizationType {
  /** What `type` is in a request. */
  readonly type: string;
  /** What the consent page says; `{member.of.it}` is filled in from the request. */
  readonly description: string;
  /** Paths of members that the consent page lists one by one, so that nobody agrees to them unseen. */
  readonly sensitive: readonly string[];
  readonly schema: JsonObject;
}

const MAX_TYPES = 20;
const MAX_SENSITIVE = 12;
const MAX_DESCRIPTION = 200;
/** A name or a URI, as RFC 9396 section 2 recommends for what is known beyond one API. */
const TYPE = /^[A-Za-z][A-Za-z0-9._:/-]{0,127}$/;
const PATH = /^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*){0,7}$/;
const members: ReadonlySet<string> = new Set(['type', 'description', 'sensitive', 'schema']);

/** The paths that a description fills in. */
export function placeholdersOf(description: string): readonly string[] {
  return [...description.matchAll(/\{([^{}]*)\}/g)].map(([, path]) => path ?? '');
}

function judgeType(entry: unknown): { type?: AuthorizationType; faults: readonly string[] } {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return { faults: ['holds an entry that is no object with type, description and schema'] };
  }
  const { type, description, sensitive = [], schema } = entry as Readonly<Record<string, unknown>>;
  const faults: string[] = [];
  for (const name of Object.keys(entry)) {
    if (!members.has(name))
      faults.push(`has the member ${JSON.stringify(name.slice(0, 40))}, which is not known`);
  }
  if (typeof type !== 'string' || !TYPE.test(type))
    faults.push('has a type that is neither a name nor a URI');
  if (typeof description !== 'string') faults.push('has no description, which people read before they agree');
  else {
    faults.push(
      ...nameFaults(description, MAX_DESCRIPTION).map((fault) => `has a description that ${fault}`),
    );
    for (const path of placeholdersOf(description)) {
      if (!PATH.test(path))
        faults.push(`has a description whose {${path.slice(0, 40)}} is no path of members`);
    }
  }
  const paths: readonly unknown[] = Array.isArray(sensitive) ? sensitive : [undefined];
  if (paths.length > MAX_SENSITIVE) faults.push(`lists more than ${MAX_SENSITIVE} sensitive members`);
  if (paths.some((path) => typeof path !== 'string' || !PATH.test(path))) {
    faults.push('has sensitive members that are no list of paths such as amount.value');
  }
  faults.push(...schemaFaults(schema));
  const name = JSON.stringify(String(type ?? '').slice(0, 60));
  if (faults.length > 0) return { faults: faults.map((fault) => `${name} ${fault}`) };
  return {
    faults,
    type: { type, description, sensitive: paths, schema } as AuthorizationType,
  };
}

/** Judges the whole list. */
export function judgeAuthorizationTypes(value: unknown): {
  types: readonly AuthorizationType[];
  faults: readonly string[];
} {
  if (!Array.isArray(value)) return { types: [], faults: ['must be a list'] };
  if (value.length > MAX_TYPES) return { types: [], faults: [`holds more than ${MAX_TYPES} entries`] };
  const types = new Map<string, AuthorizationType>();
  const faults: string[] = [];
  for (const entry of value as readonly unknown[]) {
    const judged = judgeType(entry);
    faults.push(...judged.faults);
    if (!judged.type) continue;
    if (types.has(judged.type.type)) faults.push(`holds ${JSON.stringify(judged.type.type)} twice`);
    types.set(judged.type.type, judged.type);
  }
  return { types: [...types.values()], faults };
}
