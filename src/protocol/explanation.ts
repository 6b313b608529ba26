/**
 * What a recorded refusal means, worked out when somebody asks: from the record, from the rules, and from what is
 * registered by now. Pure: the command line and the console show the same.
 */
import type { Refusal } from '../audit/refusal.ts';
import { originsOf } from '../clients/browser-origins.ts';
import { type Client, isConfidential } from '../clients/client.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import { type Difference, differenceOf } from './difference.ts';
import { type Mend, nothing } from './mend.ts';
import { mends } from './mends.ts';
import { askableAudiences, askableScopes } from './mends-of-apis.ts';
import { ruleOf } from './refusal-rules.ts';

export interface Explanation {
  readonly refusal: Refusal;
  /** 'An authorization request', 'A page of Cardea' … */
  readonly where: string;
  readonly expected: string;
  /** The registered values that would have been accepted, where there is such a list. */
  readonly accepted: readonly string[];
  readonly difference?: Difference | undefined;
  readonly mend: Mend;
}

/** Where a refusal happened, for people. Any other kind is told by its own name. */
const places: Readonly<Record<string, string>> = {
  authorize: 'an authorization request',
  token: 'a token request',
  userinfo: 'a userinfo request',
  introspect: 'an introspection request',
  revoke: 'a revocation request',
  par: 'a pushed authorization request',
  device: 'a device authorization request',
  register: 'a client registration',
  logout: 'a sign-out request',
  discovery: 'a discovery request',
  jwks: 'a request for the public keys',
  server: 'a request that failed here',
  protocol: 'a request that was turned away before it was read',
  page: 'a request for a page of Cardea',
};

const plainPage = 'Nothing to change on the client: the address or the browser form itself was refused.';
const rush =
  'Nothing to change on the client: too many sign-ins fail from this network, or more passwords wait than can be checked, so ' +
  'browsers that the account does not know prove some work first (docs/abuse.md).';

/** What a person or an operator does about a proof of work, by the error (pages/proof-front.ts). */
const mendsOfPages: Readonly<Record<string, string>> = {
  proof_of_work_missing:
    `${rush} This one came without: its page was opened before, or its scripts are off or blocked. Sending the page that was ` +
    'shown does it; without scripting its button for a mailed code does.',
  proof_of_work_outdated:
    `${rush} This page was open for longer than a proof lives and could not fetch another one at /proof. Sending the page that ` +
    "was shown does it; if it goes on, compare the servers' clocks, and let /proof through in front of Cardea.",
  proof_of_work_used: `${rush} This one had been used: the form was sent twice. Sending the page that was shown does it.`,
  proof_of_work_wrong:
    `${rush} This one was not solved, or the browser has changed its network or the form meanwhile. Sending the page that was ` +
    'shown does it; if it goes on for everybody, check CARDEA_TRUSTED_PROXIES: the address must stay the same.',
};

/** Parameters that are compared with registered values to the character. */
const compared: Readonly<
  Record<string, (client: Client, servers: readonly ResourceServer[]) => readonly string[]>
> = {
  redirect_uri: (client) => client.redirectUris,
  post_logout_redirect_uri: (client) => client.postLogoutRedirectUris,
  resource: (client, servers) => askableAudiences(client, servers),
  scope: (client, servers) => askableScopes(client, servers),
  origin: (client) => (isConfidential(client) ? [] : originsOf(client)),
};

const parameterOf: Readonly<Record<string, string>> = {
  'redirect-uri': 'redirect_uri',
  'post-logout-redirect-uri': 'post_logout_redirect_uri',
  resource: 'resource',
  scope: 'scope',
  origin: 'origin',
};

export function explain(
  refusal: Refusal,
  client: Client | undefined,
  servers: readonly ResourceServer[],
): Explanation {
  const where = places[refusal.kind] ?? `a request (${refusal.kind})`;
  if (refusal.kind === 'page') {
    const text = mendsOfPages[refusal.error] ?? plainPage;
    return { refusal, where, expected: refusal.expected ?? '', accepted: [], mend: nothing(text) };
  }
  const rule = ruleOf(refusal.error, refusal.description, refusal.cause);
  const { mend } = rule;
  // What was expected then; the mend goes by what the rule asks for now.
  const expected = refusal.expected ?? rule.expected;
  const parameter = parameterOf[mend];
  const accepted = (client && parameter && compared[parameter]?.(client, servers)) || [];
  return {
    refusal,
    where,
    expected,
    accepted,
    difference: parameter === undefined ? undefined : firstDifference(parameter, refusal, accepted),
    mend: mends[mend]({ refusal, client, servers, expected }),
  };
}

/** Of several values (scopes, resources) the first that is not registered. */
function firstDifference(
  parameter: string,
  refusal: Refusal,
  accepted: readonly string[],
): Difference | undefined {
  const sent = refusal.sent?.[parameter];
  if (sent === undefined || sent === '') return undefined;
  const values = parameter === 'scope' || parameter === 'resource' ? sent.split(' ').filter(Boolean) : [sent];
  const wrong = values.find((value) => !accepted.includes(value));
  return wrong === undefined ? undefined : differenceOf(parameter, wrong, accepted);
}
