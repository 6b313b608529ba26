/**
 * Client metadata by its wire names (RFC 7591 section 2), as strangers send it. Only what is listed here is read, so
 * nothing that an operator decides can be asked for; what is read goes through the same rules as the command line
 * (client-rules.ts).
 */
import type { Actor } from '../audit/catalogue.ts';
import { type AuthMethod, type Client, type ClientType, type Fault, hasSecret } from './client.ts';
import type { ClientInput } from './client-rules.ts';
import { isDocumentId } from './document-ids.ts';
import { isLoopbackHost } from './uri-rules.ts';

export interface MetadataUse {
  /** The token endpoint method of metadata that names none. */
  readonly defaultAuthMethod: AuthMethod;
  readonly authMethods: readonly AuthMethod[];
  /** What a client without a secret is, when nothing tells that it runs on a device. */
  readonly publicType: ClientType;
}

/** RFC 7591 section 2: the default method is client_secret_basic. */
export const dynamicUse: MetadataUse = {
  defaultAuthMethod: 'client_secret_basic',
  authMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  publicType: 'spa',
};

/** Clients act for a person; a service that acts for itself is registered by an operator. */
const grantTypes: readonly unknown[] = ['authorization_code', 'refresh_token'];
/** Of which there are keys already: nobody makes us generate one by registering. */
const idTokenAlgs: readonly unknown[] = ['RS256', 'ES256'];

/** Copied as they are: the rules judge them. */
const plainMembers = {
  redirect_uris: 'redirectUris',
  post_logout_redirect_uris: 'postLogoutRedirectUris',
  jwks: 'jwks',
  logo_uri: 'logoUri',
  policy_uri: 'policyUri',
  tos_uri: 'tosUri',
  client_uri: 'clientUri',
  dpop_bound_access_tokens: 'dpopBoundTokens',
  require_pushed_authorization_requests: 'requirePushedRequests',
} as const satisfies Readonly<Record<string, keyof ClientInput>>;

const wireNames: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(plainMembers).map(([wire, member]) => [member, wire])),
  name: 'client_name',
  jwksUri: 'jwks_uri',
  grantTypes: 'grant_types',
  responseTypes: 'response_types',
  authMethod: 'token_endpoint_auth_method',
  idTokenAlg: 'id_token_signed_response_alg',
  type: 'application_type',
};

/**
 * Reads metadata. Members that are not listed above are ignored, as RFC 7591 section 2 has it, `__proto__` included.
 * @returns every listed member, null where it was not sent, so that it replaces a whole client
 */
export function readMetadata(
  metadata: unknown,
  use: MetadataUse,
): { input: ClientInput } | { faults: readonly Fault[] } {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    return { faults: [{ field: '', fault: 'must be a JSON object' }] };
  }
  const faults: Fault[] = [];
  const value = (name: string): unknown =>
    Object.hasOwn(metadata, name) ? ((metadata as Record<string, unknown>)[name] ?? null) : null;
  const grants = readGrants(value('grant_types'), faults);
  const responses = readResponses(value('response_types'), faults);
  const redirectUris = value('redirect_uris');
  const { authMethod, type } = readKind(value, redirectUris, use, faults);
  const idTokenAlg = value('id_token_signed_response_alg');
  if (idTokenAlg !== null && !idTokenAlgs.includes(idTokenAlg)) {
    faults.push({ field: 'id_token_signed_response_alg', fault: 'must be RS256 or ES256' });
  }
  if (faults.length > 0) return { faults };
  const plain = Object.entries(plainMembers).map(([wire, member]) => [member, value(wire)]);
  const input = {
    ...Object.fromEntries(plain),
    // Without a use for keys the address would only be one more that a stranger can have us ask.
    jwksUri: authMethod === 'private_key_jwt' ? value('jwks_uri') : null,
    name: value('client_name') ?? nameFrom(redirectUris),
    type,
    authMethod,
    grantTypes: grants,
    responseTypes: responses,
    idTokenAlg,
  };
  return { input: input as ClientInput };
}

/** Wire names for the faults that the rules found. */
export function wireFaults(faults: readonly Fault[]): readonly Fault[] {
  return faults.map(({ field, fault }) => ({ field: wireNames[field] ?? field, fault }));
}

/** What an operator may not make of a client that nobody vouches for, whoever asks. */
export function registeredFaults(
  client: Pick<Client, 'clientId' | 'registered' | 'firstParty' | 'pkceRequired'>,
  actor?: Actor,
): readonly Fault[] {
  const faults: Fault[] = [];
  if (isDocumentId(client.clientId) !== (client.registered === 'metadata-document')) {
    faults.push({ field: 'clientId', fault: 'must be 1 to 128 characters of A-Z a-z 0-9 . _ ~ -' });
  }
  if (!client.registered) return faults;
  if (client.firstParty) {
    faults.push({ field: 'firstParty', fault: 'is refused: this client registered itself' });
  }
  if (!client.pkceRequired) {
    faults.push({ field: 'legacyWithoutPkce', fault: 'is refused: this client registered itself' });
  }
  if (client.registered === 'metadata-document' && actor?.kind === 'operator') {
    faults.push({ field: '', fault: 'this client is described by its own document; disable or delete it' });
  }
  return faults;
}

/** RFC 7591 section 3.2.1: all that is registered about the client, without its credentials. */
export function wireMetadata(client: Client): Readonly<Record<string, unknown>> {
  const optional = {
    jwks: client.jwks,
    jwks_uri: client.jwksUri,
    logo_uri: client.logoUri,
    policy_uri: client.policyUri,
    tos_uri: client.tosUri,
    client_uri: client.clientUri,
    dpop_bound_access_tokens: client.dpopBoundTokens,
    require_pushed_authorization_requests: client.requirePushedRequests,
  };
  return {
    client_id: client.clientId,
    client_id_issued_at: Math.floor(client.createdAt / 1000),
    // OpenID Connect Registration section 3.2: 0 means that it does not expire.
    ...(hasSecret(client) && { client_secret_expires_at: 0 }),
    client_name: client.name,
    application_type: client.type === 'native' ? 'native' : 'web',
    redirect_uris: client.redirectUris,
    ...(client.postLogoutRedirectUris.length > 0 && {
      post_logout_redirect_uris: client.postLogoutRedirectUris,
    }),
    grant_types: client.grantTypes,
    response_types: client.responseTypes,
    token_endpoint_auth_method: client.authMethod,
    id_token_signed_response_alg: client.idTokenAlg,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/** RFC 7591 section 2: the server may leave out what it does not give; it answers with what it registered. */
function readGrants(grants: unknown, faults: Fault[]): unknown {
  if (grants === null) return ['authorization_code'];
  if (!Array.isArray(grants)) return grants;
  const kept = grantTypes.filter((grant) => grants.includes(grant));
  if (!kept.includes('authorization_code')) {
    faults.push({
      field: 'grant_types',
      fault: 'must hold authorization_code: only a client that acts for a person registers itself',
    });
  }
  return kept;
}

function readResponses(responses: unknown, faults: Fault[]): unknown {
  if (responses === null) return ['code'];
  if (Array.isArray(responses) && !responses.includes('code')) {
    faults.push({ field: 'response_types', fault: 'must hold code' });
  }
  return Array.isArray(responses) ? ['code'] : responses;
}

/** The type, which nobody sends by this name, follows from where the client runs and whether it can keep a secret. */
function readKind(
  value: (name: string) => unknown,
  redirectUris: unknown,
  use: MetadataUse,
  faults: Fault[],
): { authMethod: AuthMethod; type: ClientType } {
  const uris = (Array.isArray(redirectUris) ? redirectUris : []).filter((uri) => typeof uri === 'string');
  const customScheme = uris.some((uri) => !/^https?:/i.test(uri));
  const asked = value('token_endpoint_auth_method');
  const named = use.authMethods.find((method) => method === asked);
  if (asked !== null && !named) {
    const fault = `must be one of ${use.authMethods.join(', ')}`;
    faults.push({ field: 'token_endpoint_auth_method', fault });
  }
  const native = customScheme || value('application_type') === 'native';
  // RFC 8252 section 8.5: an app that people install keeps no secret, whatever it asks for.
  const mayKeepSecret = !customScheme && !(native && named === undefined);
  const authMethod = mayKeepSecret ? (named ?? use.defaultAuthMethod) : 'none';
  if (authMethod !== 'none') return { authMethod, type: 'web' };
  return { authMethod, type: native || uris.some(isLoopback) ? 'native' : use.publicType };
}

function isLoopback(uri: string): boolean {
  const url = URL.parse(uri);
  return url?.protocol === 'http:' && isLoopbackHost(url.hostname);
}

/** People must read something: the host that they go to, when the client has no name. */
function nameFrom(redirectUris: unknown): string {
  const [first] = Array.isArray(redirectUris) ? (redirectUris as readonly unknown[]) : [];
  const url = typeof first === 'string' ? URL.parse(first) : null;
  const named = url?.protocol === 'https:' && url.hostname !== '' && url.hostname.length <= 100;
  return named ? url.hostname : 'Unnamed app';
}
