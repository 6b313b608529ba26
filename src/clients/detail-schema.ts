/**
 * JSON schemas of authorization details (RFC 9396 section 2.2). A schema comes from an operator and runs on what strangers
 * send, so it is a finite tree of keywords that each cost no more than the detail is long: no references (a loop), no
 * regular expressions and no formats (which are some). Strings are bounded by enum, const and their length.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';

/** A plain JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/** Longer ones describe more than a person could agree to. */
const MAX_SCHEMA_LENGTH = 16_384;
const MAX_DEPTH = 12;

/** Keyword → where schemas stand in its value: itself, each of a list, each by name. Others hold values. */
const keywords: ReadonlyMap<string, 'schema' | 'list' | 'names' | 'value'> = new Map([
  ['properties', 'names'],
  ['items', 'schema'],
  ['prefixItems', 'list'],
  ['contains', 'schema'],
  ['not', 'schema'],
  ['allOf', 'list'],
  ['anyOf', 'list'],
  ['oneOf', 'list'],
  ['additionalProperties', 'schema'],
  ...(
    [
      '$schema',
      'type',
      'title',
      'description',
      'enum',
      'const',
      'required',
      'dependentRequired',
      'minimum',
      'maximum',
      'exclusiveMinimum',
      'exclusiveMaximum',
      'minLength',
      'maxLength',
      'minItems',
      'maxItems',
      'minContains',
      'maxContains',
      'minProperties',
      'maxProperties',
    ] as const
  ).map((name) => [name, 'value'] as const),
]);

/** Members that every type has (RFC 9396 sections 2 and 2.2). */
const common = {
  type: { type: 'string' },
  locations: {
    type: 'array',
    minItems: 1,
    maxItems: 10,
    items: { type: 'string', minLength: 1, maxLength: 512 },
  },
} as const;

const ajv = new Ajv2020({
  strict: true,
  strictRequired: false,
  strictTypes: false,
  ownProperties: true,
  validateFormats: false,
  logger: false,
});

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function treeFaults(schema: unknown, depth: number): string[] {
  if (typeof schema === 'boolean') return [];
  if (!isObject(schema)) return ['has a schema that is neither an object nor true or false'];
  if (depth > MAX_DEPTH) return [`has a schema nested deeper than ${MAX_DEPTH}`];
  return Object.entries(schema).flatMap(([keyword, value]) => {
    const kind = keywords.get(keyword);
    if (kind === undefined)
      return [`has the schema keyword ${JSON.stringify(keyword.slice(0, 40))}, which is not accepted`];
    if (kind === 'schema') return treeFaults(value, depth + 1);
    if (kind === 'list' && Array.isArray(value)) return value.flatMap((one) => treeFaults(one, depth + 1));
    if (kind === 'names' && isObject(value)) {
      return Object.values(value).flatMap((one) => treeFaults(one, depth + 1));
    }
    return kind === 'value' ? [] : [`has a schema whose ${keyword} is of no use`];
  });
}

/** RFC 9396 section 5: unknown members are refused, so the outermost object is closed whatever the schema says. */
function wholeSchema(schema: JsonObject): object {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const { $schema: _, ...rest } = schema;
  return { ...rest, type: 'object', properties: { ...properties, ...common }, additionalProperties: false };
}

/** Judges a schema; an empty list means that it may be stored. */
export function schemaFaults(schema: unknown): string[] {
  if (!isObject(schema)) return ['has no schema'];
  if (JSON.stringify(schema).length > MAX_SCHEMA_LENGTH) {
    return [`has a schema longer than ${MAX_SCHEMA_LENGTH} characters`];
  }
  const faults = treeFaults(schema, 0);
  if (schema.type !== undefined && schema.type !== 'object')
    faults.push('has a schema whose type is not object');
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) {
    faults.push('has a schema that lets in unknown members, which RFC 9396 section 5 refuses');
  }
  if (faults.length > 0) return [...new Set(faults)].slice(0, 10);
  try {
    ajv.compile(wholeSchema(schema as JsonObject));
    return [];
  } catch (error) {
    return [`has a schema that does not compile: ${(error as Error).message.slice(0, 200)}`];
  }
}

/** By the schema's own object, which is frozen and lives as long as the resource server is unchanged. */
const compiled = new WeakMap<object, ValidateFunction>();

/** The first thing that is wrong with a detail, naming its member and never its value; undefined when nothing is. */
export function detailFault(schema: JsonObject, detail: unknown): string | undefined {
  let validate = compiled.get(schema);
  if (!validate) {
    validate = ajv.compile(wholeSchema(schema));
    compiled.set(schema, validate);
  }
  if (validate(detail)) return undefined;
  const [first] = validate.errors ?? [];
  return first ? said(first) : 'does not follow its schema';
}

function said({ instancePath, keyword, params, message }: ErrorObject): string {
  const path = instancePath.split('/').slice(1);
  const extra: unknown = params.additionalProperty ?? params.missingProperty;
  const member = [...path, ...(typeof extra === 'string' ? [extra] : [])].join('.');
  const what =
    keyword === 'additionalProperties'
      ? 'is not known'
      : keyword === 'required'
        ? 'is missing'
        : keyword === 'enum' || keyword === 'const'
          ? 'has a value that is not allowed'
          : (message ?? 'does not follow its schema');
  return member === '' ? what : `${member} ${what}`;
}
