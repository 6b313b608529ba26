/**
 * Judges everything that can be set on a client, with a safe default for each member by the client's type. There is
 * no other way into the table, neither for an administrator nor for a file: what is refused here is refused
 * everywhere.
 */
import { accentOf, COLOUR, TEXT_CONTRAST } from '../config/contrast.ts';
import type { AuthMethod, Client, ClientType, Fault, GrantType, IdTokenAlg } from './client.ts';
import { judgeLifetimeMembers, lifetimeMembers } from './client-lifetimes.ts';
import { DEVICE_GRANT, derivedGrants, type TypeRules, typeRules } from './client-types.ts';
import { type CredentialInput, credentialMembers, judgeCredentials } from './credential-rules.ts';
import { isDocumentId } from './document-ids.ts';
import { type GrantPolicyInput, grantPolicyMembers, judgeGrantPolicies } from './grant-policies.ts';
import { type InputReader, readInput } from './input-reader.ts';
import { profileFaults, profiles } from './profile-rules.ts';
import { judgeRequests, type RequestInput, requestMembers, signingAlgs } from './request-rules.ts';
import { audienceFaults } from './resource-rules.ts';
import { OIDC_SCOPES } from './resource-server.ts';
import { judgeSubjects, type SubjectInput, subjectMembers } from './subject-rules.ts';
import { nameFaults, scopeFaults } from './text-rules.ts';
import { originFaults, uriFaults } from './uri-rules.ts';

/**
 * What can be set. Absent: the default of the type; null in an update: back to that default. The values are judged
 * at run time whatever their types promise.
 */
export interface ClientInput extends CredentialInput, RequestInput, SubjectInput, GrantPolicyInput {
  /** [A-Za-z0-9._~-], 1 to 128 characters; made at random when absent; never changes. */
  readonly clientId?: string | undefined;
  readonly name: string;
  /** Never changes: its defaults were chosen for it. */
  readonly type: ClientType;
  readonly firstParty?: boolean | null | undefined;
  /** Lifts PKCE, for a confidential client that cannot do it (RFC 9700 section 2.1.1 recommends it for all). */
  readonly legacyWithoutPkce?: boolean | null | undefined;
  readonly redirectUris?: readonly string[] | null | undefined;
  readonly postLogoutRedirectUris?: readonly string[] | null | undefined;
  readonly corsOrigins?: readonly string[] | null | undefined;
  readonly grantTypes?: readonly string[] | null | undefined;
  readonly responseTypes?: readonly string[] | null | undefined;
  readonly scopes?: readonly string[] | null | undefined;
  readonly defaultResource?: string | null | undefined;
  readonly resources?: readonly string[] | null | undefined;
  readonly backchannelLogoutUri?: string | null | undefined;
  readonly idTokenAlg?: IdTokenAlg | null | undefined;
  readonly refreshReplayWindowSeconds?: number | null | undefined;
  readonly familyIdleSeconds?: number | null | undefined;
  readonly familyAbsoluteSeconds?: number | null | undefined;
  readonly accessTokenSeconds?: number | null | undefined;
  readonly logoUri?: string | null | undefined;
  readonly policyUri?: string | null | undefined;
  readonly tosUri?: string | null | undefined;
  readonly clientUri?: string | null | undefined;
  readonly supportUri?: string | null | undefined;
  readonly accent?: string | null | undefined;
  readonly accentDark?: string | null | undefined;
}

/** A client as far as the rules decide it; the row adds status and times. */
export type JudgedClient = Omit<Client, 'status' | 'createdAt' | 'updatedAt' | 'secretsVersion'>;

const pageUris = ['logoUri', 'policyUri', 'tosUri', 'clientUri', 'supportUri'] as const;
const members = [
  'clientId',
  'name',
  'type',
  'firstParty',
  'legacyWithoutPkce',
  'redirectUris',
  'postLogoutRedirectUris',
  'corsOrigins',
  'grantTypes',
  'responseTypes',
  'scopes',
  ...credentialMembers,
  'accent',
  'accentDark',
  'defaultResource',
  'resources',
  'backchannelLogoutUri',
  'idTokenAlg',
  'refreshReplayWindowSeconds',
  ...lifetimeMembers,
  ...requestMembers,
  ...subjectMembers,
  ...grantPolicyMembers,
  ...pageUris,
] as const satisfies readonly (keyof ClientInput)[];

/** More redirect URIs than this are a pattern that somebody wrote out. */
const MAX_URIS = 50;
const MAX_SCOPES = 200;
const MAX_RESOURCES = 50;
/** A replay answer is a token at rest, if sealed; five minutes cover any retry of a client that is still alive. */
const MAX_REPLAY_WINDOW_SECONDS = 300;

const clientTypes = Object.keys(typeRules) as ClientType[];
const httpsPage = { loopbackHttp: false, customScheme: false, carriesResponse: false };

function judgeGrants(read: InputReader, rules: TypeRules, derived: readonly string[]) {
  const grantTypes: readonly GrantType[] =
    read.choices('grantTypes', rules.mayHaveGrantTypes) ?? rules.grantTypes;
  const codeFlow = grantTypes.includes('authorization_code');
  const responseTypes =
    read.choices('responseTypes', rules.redirects ? ['code', 'none'] : []) ?? (codeFlow ? ['code'] : []);
  if (codeFlow !== responseTypes.includes('code')) {
    read.fault('responseTypes', 'must hold code exactly when grantTypes holds authorization_code');
  }
  if (grantTypes.includes('refresh_token') && !codeFlow && !grantTypes.includes(DEVICE_GRANT)) {
    read.fault('grantTypes', 'holds refresh_token, but no grant that a refresh token comes from');
  }
  const all = [...grantTypes, ...derived];
  if (all.length === 0 && responseTypes.length === 0) read.fault('grantTypes', 'must not be empty');
  return { grantTypes: all, responseTypes };
}

function judgeUris(read: InputReader, rules: TypeRules, redirected: boolean) {
  const use = rules.redirects;
  const judge = (uri: string) =>
    use ? uriFaults(uri, use) : ['is of no use: this type is never redirected to'];
  const redirectUris = read.texts('redirectUris', MAX_URIS, judge) ?? [];
  const postLogoutRedirectUris = read.texts('postLogoutRedirectUris', MAX_URIS, judge) ?? [];
  if (redirected && redirectUris.length === 0) {
    read.fault('redirectUris', 'must hold at least one URI, to which people are sent back');
  }
  const corsOrigins = read.texts('corsOrigins', MAX_URIS, (origin) =>
    use ? originFaults(origin) : ['is of no use: this type is never in a browser'],
  );
  return { redirectUris, postLogoutRedirectUris, ...(corsOrigins?.length && { corsOrigins }) };
}

function judgePkce(read: InputReader, rules: TypeRules, authMethod: AuthMethod): boolean {
  const withoutPkce = read.flag('legacyWithoutPkce');
  if (withoutPkce && (authMethod === 'none' || !rules.redirects)) {
    read.fault(
      'legacyWithoutPkce',
      'is accepted only for a web client that authenticates (a confidential one)',
    );
  }
  return !withoutPkce;
}

function judgeResources(read: InputReader, type: ClientType) {
  const wanted = read.text('defaultResource');
  if (wanted !== undefined) read.fault('defaultResource', ...audienceFaults(wanted));
  const given = read.texts('resources', MAX_RESOURCES, audienceFaults);
  const resources = given ?? (wanted === undefined ? [] : [wanted]);
  if (wanted !== undefined && !resources.includes(wanted)) {
    read.fault('defaultResource', 'must be one of resources');
  }
  // A service that may ask for one API means that one: it need not repeat it in every request.
  const only = type === 'service' && resources.length === 1 ? resources[0] : undefined;
  const defaultResource = wanted ?? only;
  const scopes = read.texts('scopes', MAX_SCOPES, (scope) => {
    if (type === 'service' && OIDC_SCOPES.has(scope)) return ['is about a person; a service acts for itself'];
    return scopeFaults(scope);
  });
  return { resources, scopes: scopes ?? [], ...(defaultResource !== undefined && { defaultResource }) };
}

function judgeOptional(read: InputReader) {
  const uris: Partial<Record<(typeof pageUris)[number] | 'backchannelLogoutUri', string>> = {};
  for (const field of [...pageUris, 'backchannelLogoutUri'] as const) {
    const uri = read.text(field);
    if (uri === undefined) continue;
    read.fault(field, ...uriFaults(uri, httpsPage));
    uris[field] = uri;
  }
  const seconds = read.integer('refreshReplayWindowSeconds', 0, MAX_REPLAY_WINDOW_SECONDS);
  return {
    ...uris,
    ...judgeAccent(read),
    ...(seconds !== undefined && { refreshReplayWindowSeconds: seconds }),
  };
}

/** A dark shade that is not given is made from the light one. */
function judgeAccent(read: InputReader) {
  const accent = read.text('accent')?.toLowerCase();
  const accentDark = read.text('accentDark')?.toLowerCase();
  if (accent === undefined) {
    if (accentDark !== undefined) read.fault('accentDark', 'needs accent');
    return {};
  }
  const given = [
    ['accent', 'light', accent],
    ['accentDark', 'dark', accentDark],
  ] as const;
  for (const [field, scheme, colour] of given) {
    if (colour === undefined) continue;
    if (!COLOUR.test(colour)) read.fault(field, 'must be a colour such as #0b6b56');
    else if (!accentOf(scheme, colour)) {
      read.fault(
        field,
        `cannot be read on ${scheme} pages: text needs a contrast of ${TEXT_CONTRAST} (WCAG AA)`,
      );
    }
  }
  return { accent, ...(accentDark !== undefined && { accentDark }) };
}

/**
 * Judges a whole client.
 * @param newId makes an id when the input names none
 */
export function judgeClient(
  input: ClientInput,
  newId: () => string,
): { client: JudgedClient } | { faults: readonly Fault[] } {
  const read = readInput(input, members);
  const clientId = read.text('clientId') ?? newId();
  if (!isClientId(clientId)) read.fault('clientId', 'must be 1 to 128 characters of A-Z a-z 0-9 . _ ~ -');
  const name = read.text('name');
  if (name === undefined) read.fault('name', 'is required');
  else read.fault('name', ...nameFaults(name));
  const type = read.choice('type', clientTypes);
  if (type === undefined || name === undefined) {
    if (type === undefined && input?.type == null)
      read.fault('type', `is required: ${clientTypes.join(', ')}`);
    return { faults: read.faults };
  }
  const rules = typeRules[type];
  const profile = read.choice('profile', profiles);
  const credentials = judgeCredentials(read, rules, input, profile);
  const { policies, grants: derived } = judgeGrantPolicies(read, input, credentials.authMethod);
  const grants = judgeGrants(read, rules, derived);
  const redirected = grants.responseTypes.length > 0;
  const uris = judgeUris(read, rules, redirected);
  const client: JudgedClient = {
    clientId,
    name,
    type,
    firstParty: read.flag('firstParty'),
    idTokenAlg: read.choice('idTokenAlg', signingAlgs) ?? (profile === 'fapi2' ? 'ES256' : 'RS256'),
    ...grants,
    ...uris,
    ...judgeSubjects(read, { ...uris, ...grants }),
    ...credentials,
    pkceRequired: judgePkce(read, rules, credentials.authMethod),
    ...judgeRequests(read, {
      profile,
      redirected,
      signsPeopleIn: redirected || grants.grantTypes.includes(DEVICE_GRANT),
      hasKeys: 'jwks' in credentials || 'jwksUri' in credentials,
      certificateBound: credentials.certificateBoundTokens === true,
    }),
    ...judgeResources(read, type),
    ...policies,
    ...judgeOptional(read),
    ...judgeLifetimeMembers(read),
  };
  const faults = read.faults.length > 0 ? read.faults : profileFaults(client);
  return faults.length > 0 ? { faults } : { client };
}

/** Whether a text can be a client id at all: any other one costs no look-up. */
export function isClientId(text: string): boolean {
  return /^[A-Za-z0-9._~-]{1,128}$/.test(text) || isDocumentId(text);
}

/** A client as the input that makes it: what an update starts from. */
export function inputOf(client: JudgedClient): ClientInput {
  const { pkceRequired, ...rest } = client;
  const settable = Object.fromEntries(
    Object.entries(rest).filter(([member]) => members.some((m) => m === member)),
  );
  return {
    ...(settable as Omit<ClientInput, 'legacyWithoutPkce'>),
    grantTypes: client.grantTypes.filter((grant) => !derivedGrants.includes(grant)),
    legacyWithoutPkce: !pkceRequired,
  };
}
