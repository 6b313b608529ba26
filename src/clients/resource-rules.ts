/** Judges everything that can be set on a resource server. */
import { type AuthorizationType, judgeAuthorizationTypes } from './authorization-types.ts';
import type { Fault } from './client.ts';
import { readInput } from './input-reader.ts';
import {
  type AccessTokenAlg,
  CARDEA_AUDIENCE,
  OIDC_SCOPES,
  type ResourceScope,
  type ResourceServer,
} from './resource-server.ts';
import { nameFaults, scopeFaults } from './text-rules.ts';

/** Values are judged at run time whatever their types promise. Null in an update: back to the default. */
export interface ResourceServerInput {
  /** Never changes. */
  readonly audience: string;
  readonly name: string;
  readonly scopes?: readonly (string | ResourceScope)[] | null | undefined;
  /** `jwt` when absent. */
  readonly tokenFormat?: 'jwt' | 'opaque' | null | undefined;
  readonly accessTokenTtlSeconds?: number | null | undefined;
  readonly introspectionClientId?: string | null | undefined;
  /** ES256 when absent. */
  readonly signingAlg?: AccessTokenAlg | null | undefined;
  readonly authorizationTypes?: readonly AuthorizationType[] | null | undefined;
}

export type JudgedResourceServer = Omit<ResourceServer, 'createdAt' | 'updatedAt'>;

const members = [
  'audience',
  'name',
  'scopes',
  'tokenFormat',
  'accessTokenTtlSeconds',
  'introspectionClientId',
  'signingAlg',
  'authorizationTypes',
] as const satisfies readonly (keyof ResourceServerInput)[];

const MAX_AUDIENCE_LENGTH = 512;
const MAX_SCOPES = 200;
const MAX_DESCRIPTION_LENGTH = 200;
const MIN_TTL_SECONDS = 30;
/**
 * One day. A JWT access token that its API checks offline cannot be called back, and a signing key stays published for
 * at least as long after it retired (keys/key-times.ts has the same number).
 */
export const MAX_ACCESS_TOKEN_SECONDS = 86_400;

/**
 * RFC 8707 section 2: an absolute URI without a fragment. The one bare name is Cardea's own, `cardea`: it names its
 * own administration and is not asked for by `resource`. Compared as an exact string, so nothing is normalised.
 */
export function audienceFaults(audience: string): string[] {
  if (audience === CARDEA_AUDIENCE) return [];
  if (audience.length > MAX_AUDIENCE_LENGTH) return [`is longer than ${MAX_AUDIENCE_LENGTH} characters`];
  if (!/^[\x21-\x7e]+$/.test(audience) || /["<>\\^`{|}*]/.test(audience)) {
    return ['holds a character that no URI has'];
  }
  const url = URL.parse(audience);
  if (!url) return ['is not an absolute URI such as https://api.example.com (RFC 8707 section 2)'];
  const faults: string[] = [];
  if (audience.includes('#')) faults.push('holds a fragment (RFC 8707 section 2)');
  if (url.username !== '' || url.password !== '') faults.push('holds a user name or password');
  if (/^(?:javascript|data|file|vbscript|blob|about):$/.test(url.protocol))
    faults.push('has a scheme that names no API');
  return faults;
}

/** A scope as its name or as `{ name, description? }`, judged; undefined when it is neither. */
function judgeScope(entry: unknown): { scope?: ResourceScope; faults: string[] } {
  const record = typeof entry === 'string' ? { name: entry } : entry;
  if (
    typeof record !== 'object' ||
    record === null ||
    !('name' in record) ||
    typeof record.name !== 'string'
  ) {
    return { faults: ['holds an entry that is neither a name nor an object with a name'] };
  }
  const { name } = record;
  const faults = scopeFaults(name);
  if (OIDC_SCOPES.has(name)) faults.push('belongs to OpenID Connect and cannot be a scope of an API');
  const description = 'description' in record && record.description !== null ? record.description : undefined;
  if (description !== undefined && typeof description !== 'string')
    faults.push('has a description that is no text');
  if (typeof description === 'string') faults.push(...nameFaults(description, MAX_DESCRIPTION_LENGTH));
  return {
    faults: faults.map((fault) => `${JSON.stringify(name.slice(0, 60))} ${fault}`),
    scope: { name, ...(typeof description === 'string' && { description }) },
  };
}

export function judgeResourceServer(
  input: ResourceServerInput,
): { server: JudgedResourceServer } | { faults: readonly Fault[] } {
  const read = readInput(input, members);
  const audience = read.text('audience') ?? '';
  if (audience === '') read.fault('audience', 'is required');
  else read.fault('audience', ...audienceFaults(audience));
  const name = read.text('name') ?? '';
  if (name === '') read.fault('name', 'is required');
  else read.fault('name', ...nameFaults(name));

  const scopes = new Map<string, ResourceScope>();
  const entries: unknown = input?.scopes ?? [];
  if (!Array.isArray(entries)) read.fault('scopes', 'must be a list');
  else if (entries.length > MAX_SCOPES) read.fault('scopes', `holds more than ${MAX_SCOPES} entries`);
  else {
    for (const entry of entries as readonly unknown[]) {
      const { scope, faults } = judgeScope(entry);
      read.fault('scopes', ...faults);
      if (scope && scopes.has(scope.name)) read.fault('scopes', `holds ${JSON.stringify(scope.name)} twice`);
      if (scope) scopes.set(scope.name, scope);
    }
  }
  const seconds = read.integer('accessTokenTtlSeconds', MIN_TTL_SECONDS, MAX_ACCESS_TOKEN_SECONDS);
  const introspectionClientId = read.text('introspectionClientId');
  const { types, faults } = judgeAuthorizationTypes(input?.authorizationTypes ?? []);
  read.fault('authorizationTypes', ...faults);
  const server: JudgedResourceServer = {
    audience,
    name,
    scopes: [...scopes.values()],
    tokenFormat: read.choice('tokenFormat', ['jwt', 'opaque']) ?? 'jwt',
    signingAlg: read.choice('signingAlg', ['ES256', 'RS256', 'EdDSA', 'PS256']) ?? 'ES256',
    ...(seconds !== undefined && { accessTokenTtlSeconds: seconds }),
    ...(introspectionClientId !== undefined && { introspectionClientId }),
    ...(types.length > 0 && { authorizationTypes: types }),
  };
  return read.faults.length > 0 ? { faults: read.faults } : { server };
}
