/**
 * What lets a client ask for tokens of a person who is not there: exchanging another token (RFC 8693) and assertions of a
 * trusted issuer (RFC 7523 section 2.1). The policy is the permission: a client with one has the grant type, one without
 * does not, and no list of grant types can give it.
 */
import type { AuthMethod } from './client.ts';
import { ASSERTION_GRANT, type DerivedGrant, EXCHANGE_GRANT } from './client-types.ts';
import type { AssertionIssuer, ExchangeMode, ExchangeRule, GrantPolicies } from './grant-policy.ts';
import type { InputReader } from './input-reader.ts';
import { judgeJwks } from './jwks-rules.ts';
import { audienceFaults } from './resource-rules.ts';
import { uriFaults } from './uri-rules.ts';

export interface GrantPolicyInput {
  readonly exchange?: readonly ExchangeRule[] | null | undefined;
  readonly mayAct?: string | null | undefined;
  readonly assertionIssuers?: readonly AssertionIssuer[] | null | undefined;
}

export const grantPolicyMembers = ['exchange', 'mayAct', 'assertionIssuers'] as const;

const MAX_RULES = 50;
const MAX_ISSUERS = 10;
const modes: readonly string[] = ['impersonation', 'delegation', 'both'] satisfies ExchangeMode[];
const page = { loopbackHttp: false, customScheme: false, carriesResponse: false };

/** @returns the policies, and the grant types that they give */
export function judgeGrantPolicies(
  read: InputReader,
  input: GrantPolicyInput,
  authMethod: AuthMethod,
): { policies: GrantPolicies; grants: readonly DerivedGrant[] } {
  const exchange = judgeExchange(read, input.exchange);
  const assertionIssuers = judgeIssuers(read, input.assertionIssuers);
  const mayAct = read.text('mayAct');
  if (mayAct !== undefined && !/^[A-Za-z0-9._~-]{1,128}$/.test(mayAct))
    read.fault('mayAct', 'is no client id');
  // RFC 8693 section 2.1 and RFC 7521 section 4.1 leave it open; whoever may speak for people has to say who it is.
  if (authMethod === 'none') {
    if (exchange.length > 0) read.fault('exchange', 'is accepted only for a client that authenticates');
    if (assertionIssuers.length > 0) {
      read.fault('assertionIssuers', 'is accepted only for a client that authenticates');
    }
  }
  return {
    policies: {
      ...(exchange.length > 0 && { exchange }),
      ...(mayAct !== undefined && { mayAct }),
      ...(assertionIssuers.length > 0 && { assertionIssuers }),
    },
    grants: [
      ...(exchange.length > 0 ? ([EXCHANGE_GRANT] as const) : []),
      ...(assertionIssuers.length > 0 ? ([ASSERTION_GRANT] as const) : []),
    ],
  };
}

function judgeExchange(read: InputReader, given: unknown): ExchangeRule[] {
  const rules: ExchangeRule[] = [];
  for (const [place, entry] of entriesOf(read, 'exchange', given, MAX_RULES, ['audience', 'mode'])) {
    const { audience, mode } = entry;
    const faults = typeof audience === 'string' ? audienceFaults(audience) : ['must be text'];
    read.fault('exchange', ...faults.map((fault) => `${place}: audience ${fault}`));
    if (!modes.includes(mode as string)) {
      read.fault('exchange', `${place}: mode must be one of ${modes.join(', ')}`);
    }
    if (rules.some((rule) => rule.audience === audience)) {
      read.fault('exchange', `${place}: this audience has a rule already`);
    }
    rules.push({ audience: String(audience), mode: mode as ExchangeMode });
  }
  return rules;
}

function judgeIssuers(read: InputReader, given: unknown): AssertionIssuer[] {
  const issuers: AssertionIssuer[] = [];
  const known = ['issuer', 'subject', 'jwks', 'jwksUri'];
  for (const [place, entry] of entriesOf(read, 'assertionIssuers', given, MAX_ISSUERS, known)) {
    const { issuer, subject, jwks, jwksUri } = entry;
    const fault = (...faults: readonly string[]) =>
      read.fault('assertionIssuers', ...faults.map((text) => `${place}: ${text}`));
    if (typeof issuer !== 'string' || issuer === '' || issuer.length > 512) {
      fault('issuer must be text of 1 to 512 characters');
    }
    if (issuers.some((one) => one.issuer === issuer)) fault('this issuer is there already');
    if (subject !== 'id' && subject !== 'email') fault('subject must be id or email');
    const judged = jwks === undefined ? undefined : judgeJwks(jwks);
    if (judged && 'faults' in judged) fault(...judged.faults.map((text) => `jwks ${text}`));
    if (jwksUri !== undefined) {
      if (typeof jwksUri !== 'string') fault('jwksUri must be text');
      else fault(...uriFaults(jwksUri, page).map((text) => `jwksUri ${text}`));
    }
    if ((jwks === undefined) === (jwksUri === undefined)) fault('needs one of jwks and jwksUri');
    issuers.push({
      issuer: String(issuer),
      subject: subject as AssertionIssuer['subject'],
      ...(judged && 'keys' in judged && { jwks: judged }),
      ...(typeof jwksUri === 'string' && { jwksUri }),
    });
  }
  return issuers;
}

/** The entries that are objects with known members only, each with its place in words. */
function entriesOf(
  read: InputReader,
  field: (typeof grantPolicyMembers)[number],
  given: unknown,
  most: number,
  known: readonly string[],
): (readonly [string, Readonly<Record<string, unknown>>])[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) {
    read.fault(field, 'must be a list');
    return [];
  }
  if (given.length > most) {
    read.fault(field, `holds more than ${most} entries`);
    return [];
  }
  return (given as readonly unknown[]).flatMap((entry, n) => {
    const place = `entry ${n + 1}`;
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
      read.fault(field, `${place} is not an object`);
      return [];
    }
    const strange = Object.keys(entry).filter((member) => !known.includes(member));
    read.fault(field, ...strange.map((member) => `${place}: ${member.slice(0, 60)} is not a member`));
    return [[place, entry as Readonly<Record<string, unknown>>] as const];
  });
}
