/** Judges how a client may ask, and how it is answered: pushed or signed requests, bound tokens, signed answers. */
import { type SecondFactorPolicy, secondFactorPolicies } from '../config/second-factor.ts';
import type { Client, IdTokenAlg, Profile } from './client.ts';
import type { InputReader } from './input-reader.ts';
import { isStrict } from './profile-rules.ts';

/** The members that are judged here. */
export const requestMembers = [
  'profile',
  'requirePushedRequests',
  'requireSignedRequests',
  'dpopBoundTokens',
  'authorizationAlg',
  'introspectionAlg',
  'userinfoAlg',
  'secondFactor',
  'signInWith',
] as const satisfies readonly (keyof Client)[];

/** See `ClientInput`. */
export interface RequestInput {
  /** `baseline` when absent. A stricter one sets what the input leaves open, and is refused where it contradicts. */
  readonly profile?: Profile | null | undefined;
  readonly requirePushedRequests?: boolean | null | undefined;
  readonly requireSignedRequests?: boolean | null | undefined;
  readonly dpopBoundTokens?: boolean | null | undefined;
  readonly authorizationAlg?: IdTokenAlg | null | undefined;
  readonly introspectionAlg?: IdTokenAlg | null | undefined;
  readonly userinfoAlg?: IdTokenAlg | null | undefined;
  readonly secondFactor?: SecondFactorPolicy | null | undefined;
  readonly signInWith?: readonly string[] | null | undefined;
}

export const signingAlgs = ['RS256', 'ES256', 'EdDSA', 'PS256'] as const satisfies readonly IdTokenAlg[];

export type RequestRules = Pick<Client, (typeof requestMembers)[number]>;

const flags = ['requirePushedRequests', 'requireSignedRequests', 'dpopBoundTokens'] as const;
/** A way of our own, or the id of a provider, which may be made later. */
const WAY = /^[a-z][a-z0-9-]{0,31}$/;
const MAX_WAYS = 20;
const algs = ['authorizationAlg', 'introspectionAlg', 'userinfoAlg'] as const;

/**
 * @param o.profile sets what the input leaves open; profile-rules.ts judges what it does not
 * @param o.redirected whether people are sent back to it at all
 */
export function judgeRequests(
  read: InputReader,
  o: {
    readonly profile: Profile | undefined;
    readonly redirected: boolean;
    /** In a browser or by a device code. */
    readonly signsPeopleIn: boolean;
    readonly hasKeys: boolean;
    /** Bound by its certificate, its tokens need no DPoP. */
    readonly certificateBound: boolean;
  },
): RequestRules {
  const strict = isStrict(o.profile);
  const byProfile = {
    requirePushedRequests: strict && o.redirected,
    requireSignedRequests: false,
    dpopBoundTokens: strict && !o.certificateBound,
  };
  const rules: { -readonly [Member in keyof RequestRules]: RequestRules[Member] } = {};
  if (o.profile && o.profile !== 'baseline') rules.profile = o.profile;
  // What is false is not stored: absent says the same.
  for (const member of flags) if (read.optionalFlag(member) ?? byProfile[member]) rules[member] = true;
  for (const member of algs) {
    const alg = read.choice(member, signingAlgs);
    if (alg) rules[member] = alg;
  }
  const secondFactor = read.choice('secondFactor', secondFactorPolicies);
  if (secondFactor) rules.secondFactor = secondFactor;
  if (secondFactor && !o.signsPeopleIn)
    read.fault('secondFactor', 'is of no use: nobody signs in to this client');
  const ways = read.texts('signInWith', MAX_WAYS, (way) =>
    WAY.test(way) ? [] : ['must be password, passkey, code, or the id of a provider'],
  );
  if (ways?.length === 0) read.fault('signInWith', 'must not be empty: nobody could sign in');
  if (ways) rules.signInWith = ways;
  if (ways && !o.signsPeopleIn) read.fault('signInWith', 'is of no use: nobody signs in to this client');
  for (const member of ['requirePushedRequests', 'requireSignedRequests'] as const) {
    if (rules[member] && !o.redirected)
      read.fault(member, 'is of no use: this client makes no authorization requests');
  }
  if (rules.requireSignedRequests && !o.hasKeys) {
    read.fault('jwks', 'is required for requireSignedRequests: its keys verify the requests');
  }
  return rules;
}

/** Every algorithm that we sign with for this client. */
export function signingAlgsOf(client: Pick<Client, 'idTokenAlg' | (typeof algs)[number]>): IdTokenAlg[] {
  const named = [client.idTokenAlg, ...algs.map((member) => client[member])];
  return [...new Set(named.filter((alg) => alg !== undefined))];
}
