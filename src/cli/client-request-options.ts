/** The options that say how a client may ask and how it is answered, and the members they make. */
import type { ClientInput } from '../clients/client-rules.ts';
import { profiles } from '../clients/profile-rules.ts';
import { secondFactorPolicies } from '../config/second-factor.ts';
import type { Input, Option } from './command.ts';

const algs = ['RS256', 'ES256', 'EdDSA', 'PS256'] as const;

export const clientRequestOptions: readonly Option[] = [
  {
    name: 'profile',
    kind: 'text',
    value: 'PROFILE',
    choices: profiles,
    help: 'how much is asked of it (docs/profiles.md); baseline when not given',
  },
  { name: 'require-par', kind: 'flag', help: 'takes authorization requests by PAR only (RFC 9126)' },
  {
    name: 'require-signed-request',
    kind: 'flag',
    help: 'takes authorization requests as signed request objects only (RFC 9101); needs its keys',
  },
  {
    name: 'subject-type',
    kind: 'text',
    value: 'TYPE',
    choices: ['public', 'pairwise'],
    help: 'pairwise: it gets names for people that no other sector sees; public when not given',
  },
  {
    name: 'sector-identifier-uri',
    kind: 'text',
    value: 'URI',
    help: 'a document that lists the redirect URIs of its sector (pairwise, several hosts)',
  },
  { name: 'dpop-bound', kind: 'flag', help: 'its access tokens are bound to a DPoP key (RFC 9449)' },
  {
    name: 'authorization-alg',
    kind: 'text',
    value: 'ALG',
    choices: algs,
    help: 'signs authorization responses (JARM); the ID token’s when not given',
  },
  {
    name: 'introspection-alg',
    kind: 'text',
    value: 'ALG',
    choices: algs,
    help: 'signs introspection responses (RFC 9701); the ID token’s when not given',
  },
  {
    name: 'userinfo-alg',
    kind: 'text',
    value: 'ALG',
    choices: algs,
    help: 'makes userinfo a signed JWT; JSON when not given',
  },
  {
    name: 'second-factor',
    kind: 'text',
    value: 'POLICY',
    choices: secondFactorPolicies,
    help: 'what a sign-in to it needs besides the first factor, where nothing else demands more',
  },
  {
    name: 'sign-in-with',
    kind: 'texts',
    value: 'WAY',
    help: 'password, passkey, code, or the id of a provider; may be given again; all when not given',
  },
];

/** Each its own, or several with commas; one empty value is null. */
function waysOf(given: readonly string[] | undefined): readonly string[] | null | undefined {
  const ways = given?.flatMap((one) => one.split(',')).map((one) => one.trim());
  return ways?.length === 1 && ways[0] === '' ? null : ways;
}

/** @param text an option's text; null when it is given empty */
export function clientRequestMembers(
  input: Input,
  text: (name: string) => string | null | undefined,
): Partial<ClientInput> {
  return {
    profile: text('profile') as ClientInput['profile'],
    requirePushedRequests: input.flag('require-par'),
    requireSignedRequests: input.flag('require-signed-request'),
    dpopBoundTokens: input.flag('dpop-bound'),
    subjectType: text('subject-type') as ClientInput['subjectType'],
    sectorIdentifierUri: text('sector-identifier-uri'),
    authorizationAlg: text('authorization-alg') as ClientInput['authorizationAlg'],
    introspectionAlg: text('introspection-alg') as ClientInput['introspectionAlg'],
    userinfoAlg: text('userinfo-alg') as ClientInput['userinfoAlg'],
    secondFactor: text('second-factor') as ClientInput['secondFactor'],
    signInWith: waysOf(input.texts('sign-in-with')),
  };
}
