/**
 * What each security profile asks of a client: one table, read where clients are registered (a client that contradicts
 * its profile cannot be), by `cardea client check`, by docs/profiles.md, and, for its defaults, by the client rules. What
 * a profile asks of single requests is enforced in protocol/profile-gate.ts.
 */
import type { Client, Fault, Profile } from './client.ts';
import { isFapiAlg } from './profile-algorithms.ts';

/** From the least to the most that is asked. */
export const profiles = ['baseline', 'high', 'fapi2'] as const satisfies readonly Profile[];

export const profileMeanings: Readonly<Record<Profile, string>> = {
  baseline: 'OAuth 2.1; every client has it that has no other',
  high: 'pushed requests, and tokens that are of no use without the client’s key',
  fapi2: 'FAPI 2.0 Security Profile (Final)',
};

/** A client as far as a profile looks at it. */
export type ProfiledClient = Omit<Client, 'status' | 'createdAt' | 'updatedAt' | 'secretsVersion'>;

export interface ProfilePoint {
  readonly id: string;
  /** One sentence. */
  readonly asks: string;
  /** Who asks it, and where that is written. */
  readonly by: Partial<Record<Profile, string>>;
  /** False: it asks nothing of this client. */
  concerns(client: ProfiledClient): boolean;
  isMet(client: ProfiledClient): boolean;
  /** The member that contradicts, and what is wrong with it. */
  readonly field: string;
  readonly fault: string;
  /** Options of `cardea client update` that mend it. */
  readonly mend: string;
  /** Said by `client check`, but no reason to refuse: somebody set it knowingly. */
  readonly onlySaid?: readonly Profile[];
}

const always = () => true;
const hasCodes = ({ responseTypes }: ProfiledClient) => responseTypes.includes('code');
const isRedirected = ({ responseTypes }: ProfiledClient) => responseTypes.length > 0;

/** FAPI 2.0 Security Profile section 5.3.2.1 item 6. */
const strongMethods: readonly string[] = [
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
];

const fapi = (section: string) => `FAPI 2.0 section ${section}`;

export const profilePoints: readonly ProfilePoint[] = [
  {
    id: 'pkce',
    asks: 'every code is bound to its request by PKCE with S256',
    by: {
      baseline: 'OAuth 2.1 section 7.5.1',
      high: 'RFC 9700 section 2.1.1',
      fapi2: fapi('5.3.2.2 item 5'),
    },
    concerns: hasCodes,
    isMet: ({ pkceRequired }) => pkceRequired,
    field: 'legacyWithoutPkce',
    fault: 'contradicts the profile, which requires PKCE',
    mend: '--no-legacy-without-pkce',
    // OAuth 2.1 lets a confidential client go without when it cannot do it.
    onlySaid: ['baseline'],
  },
  {
    id: 'https-redirects',
    asks: 'people are sent back over https only',
    by: { high: 'RFC 9700 section 2.6', fapi2: fapi('5.3.2.2 item 8') },
    concerns: ({ type }) => type === 'web' || type === 'spa',
    isMet: ({ redirectUris }) => redirectUris.every((uri) => uri.startsWith('https:')),
    field: 'redirectUris',
    fault: 'hold an address without https, which the profile does not allow',
    mend: '--redirect-uri https://…',
  },
  {
    id: 'par',
    asks: 'authorization requests come by PAR',
    by: { high: 'RFC 9126 section 6', fapi2: fapi('5.3.2.2 item 3') },
    concerns: isRedirected,
    isMet: ({ requirePushedRequests }) => requirePushedRequests === true,
    field: 'requirePushedRequests',
    fault: 'contradicts the profile, which requires PAR',
    mend: '--require-par',
  },
  {
    id: 'sender-constrained',
    asks: 'access tokens are bound to the client’s key, by DPoP or mutual TLS',
    by: { high: 'RFC 9700 section 2.2.1', fapi2: fapi('5.3.2.1 items 4 and 5') },
    concerns: always,
    isMet: (client) => isSenderConstrained(client),
    field: 'dpopBoundTokens',
    fault: 'contradicts the profile, which requires tokens bound by DPoP or mutual TLS',
    mend: '--dpop-bound',
  },
  {
    id: 'code-only',
    asks: 'the response type is code',
    by: { fapi2: fapi('5.3.2.2 item 1') },
    concerns: isRedirected,
    isMet: ({ responseTypes }) => responseTypes.every((type) => type === 'code'),
    field: 'responseTypes',
    fault: 'hold another one than code, which the profile does not allow',
    mend: '--grant authorization_code --grant refresh_token',
  },
  {
    id: 'client-authentication',
    asks: 'it authenticates by private_key_jwt or mutual TLS',
    by: { fapi2: fapi('5.3.2.1 items 3 and 6') },
    concerns: always,
    isMet: ({ authMethod }) => strongMethods.includes(authMethod),
    field: 'authMethod',
    fault: 'must be private_key_jwt or mutual TLS in this profile',
    mend: '--auth-method private_key_jwt --jwks-file FILE',
  },
  {
    id: 'client-keys',
    asks: 'it signs with ES256, PS256 or EdDSA',
    by: { fapi2: fapi('5.4.1 item 1') },
    concerns: ({ authMethod, requireSignedRequests }) =>
      authMethod === 'private_key_jwt' || requireSignedRequests === true,
    // Keys that it publishes are judged when they sign something (protocol/profile-gate.ts).
    isMet: ({ jwks, jwksUri }) =>
      jwksUri !== undefined || (jwks?.keys ?? []).some((key) => canSignForFapi(key)),
    field: 'jwks',
    fault: 'hold no key for ES256, PS256 or EdDSA, which the profile requires',
    mend: '--jwks-file FILE',
  },
  {
    id: 'our-signatures',
    asks: 'what it gets is signed with ES256, PS256 or EdDSA',
    by: { fapi2: fapi('5.4.1 item 1') },
    concerns: always,
    isMet: ({ idTokenAlg, authorizationAlg, introspectionAlg, userinfoAlg }) =>
      [idTokenAlg, authorizationAlg, introspectionAlg, userinfoAlg].every(
        (alg) => alg === undefined || isFapiAlg(alg),
      ),
    field: 'idTokenAlg',
    fault: 'and what else is signed for it must be ES256, PS256 or EdDSA in this profile',
    mend: '--id-token-alg ES256 --authorization-alg "" --introspection-alg "" --userinfo-alg ""',
  },
];

/** Whether its access tokens are worth nothing without its key. */
export function isSenderConstrained(client: ProfiledClient): boolean {
  return client.dpopBoundTokens === true || client.certificateBoundTokens === true;
}

function canSignForFapi({ kty, crv, alg }: { kty?: string; crv?: string; alg?: string }): boolean {
  if (alg !== undefined) return isFapiAlg(alg);
  return kty === 'RSA' || crv === 'P-256' || crv === 'Ed25519';
}

/** The profiles that ask more than `baseline` set what a client leaves open, so that one word is enough. */
export function isStrict(profile: Profile | undefined): boolean {
  return profile === 'high' || profile === 'fapi2';
}

/** The points that a profile asks of a client, with its answer to each. */
export function pointsOf(
  profile: Profile,
  client: ProfiledClient,
): readonly { readonly point: ProfilePoint; readonly isMet: boolean }[] {
  return profilePoints
    .filter((point) => point.by[profile] !== undefined && point.concerns(client))
    .map((point) => ({ point, isMet: point.isMet(client) }));
}

/** Why a client cannot be registered with its profile. */
export function profileFaults(client: ProfiledClient): Fault[] {
  const profile = client.profile ?? 'baseline';
  return pointsOf(profile, client)
    .filter(({ point, isMet }) => !isMet && !point.onlySaid?.includes(profile))
    .map(({ point: { field, fault, mend, by } }) => ({
      field,
      fault: `${fault} (${profile}: ${by[profile]}); ${mend} mends it`,
    }));
}
