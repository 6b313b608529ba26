/** The options that set a client, and the input they make. The rules of clients/ judge it; here nothing is judged. */
import type { ClientInput } from '../clients/client-rules.ts';
import { parseSeconds } from '../config/kinds.ts';
import { clientCredentialMembers, clientCredentialOptions } from './client-credential-options.ts';
import { clientGrantMembers, clientGrantOptions } from './client-grant-options.ts';
import { clientRequestMembers, clientRequestOptions } from './client-request-options.ts';
import type { Failed, Input, Option } from './command.ts';
import { failed } from './command.ts';

export const clientOptions: readonly Option[] = [
  {
    name: 'redirect-uri',
    kind: 'texts',
    value: 'URI',
    help: 'where people are sent back to, exactly; may be given again',
  },
  { name: 'post-logout-redirect-uri', kind: 'texts', value: 'URI', help: 'the same after sign-out' },
  {
    name: 'cors-origin',
    kind: 'texts',
    value: 'ORIGIN',
    help: 'whose pages may call for it, besides those of its redirect URIs; may be given again',
  },
  {
    name: 'grant',
    kind: 'texts',
    value: 'GRANT',
    choices: ['authorization_code', 'refresh_token', 'client_credentials', 'device_code'],
    help: 'a grant type; those of its type when not given',
  },
  {
    name: 'scope',
    kind: 'texts',
    value: 'SCOPE',
    help: 'a scope it may ask for; any that is due to it when not given',
  },
  {
    name: 'role',
    kind: 'texts',
    value: 'ROLE',
    help: 'a role that the client itself has (client credentials)',
  },
  {
    name: 'resource',
    kind: 'texts',
    value: 'AUDIENCE',
    help: 'a resource server it may ask for; the first is what it gets when it asks for none',
  },
  { name: 'backchannel-logout-uri', kind: 'text', value: 'URI', help: 'called when people sign out' },
  ...clientCredentialOptions,
  { name: 'first-party', kind: 'flag', help: 'our own: skips the consent page' },
  {
    name: 'id-token-alg',
    kind: 'text',
    value: 'ALG',
    choices: ['RS256', 'ES256', 'EdDSA', 'PS256'],
    help: 'RS256 when not given',
  },
  {
    name: 'refresh-replay-window',
    kind: 'text',
    value: 'SECONDS',
    help: 'how long the same refresh token gets the same answer; 0 is strict',
  },
  ...clientRequestOptions,
  {
    name: 'family-idle',
    kind: 'text',
    value: 'TIME',
    help: 'its refresh tokens end when they are not used for so long (7d); never longer than the policy',
  },
  {
    name: 'family-absolute',
    kind: 'text',
    value: 'TIME',
    help: 'its refresh tokens end so long after the sign-in; never longer than the policy',
  },
  {
    name: 'access-token-lifetime',
    kind: 'text',
    value: 'TIME',
    help: 'its access tokens live so long (10m); never longer than the policy or the API says',
  },
  ...clientGrantOptions,
  { name: 'legacy-without-pkce', kind: 'flag', help: 'for a web client that cannot do PKCE; weaker' },
  { name: 'logo-uri', kind: 'text', value: 'URI', help: 'shown on the consent page' },
  { name: 'policy-uri', kind: 'text', value: 'URI', help: 'its privacy policy' },
  { name: 'tos-uri', kind: 'text', value: 'URI', help: 'its terms of service' },
  { name: 'client-uri', kind: 'text', value: 'URI', help: 'its home page' },
  { name: 'support-uri', kind: 'text', value: 'URI', help: 'where its people get help' },
  { name: 'accent', kind: 'text', value: '#RRGGBB', help: 'its colour on our pages; must be readable there' },
  {
    name: 'accent-dark',
    kind: 'text',
    value: '#RRGGBB',
    help: 'the same on dark pages; made from the other when not given',
  },
];

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/** The members that were given. An empty value is null: back to the default of the type. */
export function clientInput(input: Input): { kind: 'input'; input: Partial<ClientInput> } | Failed {
  const text = (name: string) => (input.text(name) === '' ? null : input.text(name));
  const texts = (name: string) => {
    const given = input.texts(name);
    return given?.length === 1 && given[0] === '' ? null : given;
  };
  const jwks = readJwks(input.file('jwks-file'));
  if (jwks && 'kind' in jwks) return jwks;
  const grants = clientGrantMembers(input, text);
  if (grants.kind === 'failed') return grants;
  const window = text('refresh-replay-window');
  const resources = texts('resource');
  const members = {
    redirectUris: texts('redirect-uri'),
    postLogoutRedirectUris: texts('post-logout-redirect-uri'),
    corsOrigins: texts('cors-origin'),
    grantTypes:
      texts('grant')?.map((grant) => (grant === 'device_code' ? DEVICE_GRANT : grant)) ?? texts('grant'),
    scopes: texts('scope')?.flatMap((scope) => scope.split(' ').filter(Boolean)) ?? texts('scope'),
    resources,
    defaultResource: resources === null ? null : resources?.[0],
    backchannelLogoutUri: text('backchannel-logout-uri'),
    ...clientCredentialMembers(input, text),
    jwks: jwks as ClientInput['jwks'],
    firstParty: input.flag('first-party'),
    idTokenAlg: text('id-token-alg') as ClientInput['idTokenAlg'],
    refreshReplayWindowSeconds: typeof window === 'string' ? Number(window) : window,
    ...clientRequestMembers(input, text),
    familyIdleSeconds: secondsOf(text('family-idle')),
    familyAbsoluteSeconds: secondsOf(text('family-absolute')),
    accessTokenSeconds: secondsOf(text('access-token-lifetime')),
    ...grants.members,
    legacyWithoutPkce: input.flag('legacy-without-pkce'),
    logoUri: text('logo-uri'),
    policyUri: text('policy-uri'),
    tosUri: text('tos-uri'),
    clientUri: text('client-uri'),
    supportUri: text('support-uri'),
    accent: text('accent'),
    accentDark: text('accent-dark'),
  };
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return { kind: 'input', input: Object.fromEntries(given) };
}

/** `900`, `15m`, `7d`; what is none of these is left to the rules, which name the member. */
function secondsOf(text: string | null | undefined): number | null | undefined {
  return typeof text === 'string' ? (parseSeconds(text) ?? Number.NaN) : text;
}

function readJwks(text: string | undefined): object | Failed | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below: what the parser says of it quotes the file, which may be a private key by mistake.
  }
  return failed('invalid', '--jwks-file is not JSON: a JWK Set looks like {"keys":[…]}');
}
