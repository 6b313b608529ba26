/** Judges how a client may ask, and how it is answered: pushed or signed requests, bound tokens, signed answers. */
import type { Client, IdTokenAlg } from './client.ts';
import type { InputReader } from './input-reader.ts';

/** The members that are judged here. */
export const requestMembers = [
  'requirePushedRequests',
  'requireSignedRequests',
  'dpopBoundTokens',
  'authorizationAlg',
  'introspectionAlg',
  'userinfoAlg',
] as const satisfies readonly (keyof Client)[];

export const signingAlgs = ['RS256', 'ES256', 'EdDSA', 'PS256'] as const satisfies readonly IdTokenAlg[];

export type RequestRules = Pick<Client, (typeof requestMembers)[number]>;

const flags = ['requirePushedRequests', 'requireSignedRequests', 'dpopBoundTokens'] as const;
const algs = ['authorizationAlg', 'introspectionAlg', 'userinfoAlg'] as const;

/** @param o.redirected whether people are sent back to it at all */
export function judgeRequests(
  read: InputReader,
  o: { readonly redirected: boolean; readonly hasKeys: boolean },
): RequestRules {
  const rules: { -readonly [Member in keyof RequestRules]: RequestRules[Member] } = {};
  // What is false or absent is not stored: it is the default.
  for (const member of flags) if (read.flag(member)) rules[member] = true;
  for (const member of algs) {
    const alg = read.choice(member, signingAlgs);
    if (alg) rules[member] = alg;
  }
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
