/**
 * What a registered client is, and the ways a change of one can go wrong. Owned by this room: clients, their secrets
 * (as digests) and the resource servers. Not owned: consents and roles (accounts), token families (sessions).
 */
import type { JWK } from 'jose';
import type { ClientType } from '../config/lifetimes.ts';
import type { SecondFactorPolicy } from '../config/second-factor.ts';
import type { GrantPolicies } from './grant-policy.ts';

export type { ClientType } from '../config/lifetimes.ts';

export type AuthMethod =
  | 'none'
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'private_key_jwt'
  | 'tls_client_auth'
  | 'self_signed_tls_client_auth'
  /** Our own word: a token of another platform as client assertion (RFC 7523). */
  | 'federated_jwt';

/** Whose tokens, of another platform, authenticate a client. */
export interface FederatedSubject {
  readonly issuer: string;
  /** Exact, or with one `*` at the end, after `:` or `/`. */
  readonly subject: string;
  /** Absent: our issuer. */
  readonly audience?: string;
  /** Absent: as the issuer's metadata says. */
  readonly jwksUri?: string;
  /** One token serves for many requests, as Kubernetes gives them; else once, where it has a jti. */
  readonly reusable?: boolean;
}
export type IdTokenAlg = 'RS256' | 'ES256' | 'EdDSA' | 'PS256';

/** How much is asked of a client: profile-rules.ts says what. */
export type Profile = 'baseline' | 'high' | 'fapi2';

/** OAuth grant types by their wire names (RFC 6749, RFC 8628). */
export type GrantType =
  | 'authorization_code'
  | 'refresh_token'
  | 'client_credentials'
  | 'urn:ietf:params:oauth:grant-type:device_code';

/** A registered client. Times are milliseconds since the epoch. Frozen: one object serves many requests. */
export interface Client extends GrantPolicies {
  readonly clientId: string;
  /** What people read. Escaped wherever it is shown: it may hold any printable text. */
  readonly name: string;
  readonly type: ClientType;
  readonly status: 'active' | 'disabled';
  /**
   * How it came here when no operator registered it: by itself (RFC 7591), or by the metadata document that its id is
   * the address of. Nobody vouches for it, so it is never `firstParty`.
   */
  readonly registered?: 'dynamic' | 'metadata-document';
  /** Skips consent. */
  readonly firstParty: boolean;
  /** What a sign-in to it needs besides the first factor, whatever other rules say. */
  readonly secondFactor?: SecondFactorPolicy;
  /** Ways to sign in to it: `password`, `passkey`, `code` and providers by id (upstream/); absent: all there are. */
  readonly signInWith?: readonly string[];
  /** False only for a confidential client that was registered with `legacyWithoutPkce`. */
  readonly pkceRequired: boolean;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  /** Origins of pages that may call for it, besides those of its redirect URIs; see browser-origins.ts. */
  readonly corsOrigins?: readonly string[];
  readonly grantTypes: readonly string[];
  readonly responseTypes: readonly string[];
  /** Scopes it may ask for; empty: any OIDC scope, and those of the resource servers it may ask for. */
  readonly scopes: readonly string[];
  readonly authMethod: AuthMethod;
  readonly jwks?: { readonly keys: readonly JWK[] };
  /** Where it publishes its keys; never together with `jwks`. */
  readonly jwksUri?: string;
  /** The subject of its certificate, one of five, for tls_client_auth (RFC 8705 section 2.1.2). */
  readonly tlsSubjectDn?: string;
  readonly tlsSanDns?: string;
  readonly tlsSanUri?: string;
  readonly tlsSanIp?: string;
  readonly tlsSanEmail?: string;
  readonly federated?: readonly FederatedSubject[];
  /** Its access tokens are bound to its certificate (RFC 8705 section 3). */
  readonly certificateBoundTokens?: boolean;
  /** The audience that it gets when it asks for none: always one of `resources`. */
  readonly defaultResource?: string;
  /** Audiences it may ask for; see resource-access.ts for what an empty list means. */
  readonly resources: readonly string[];
  readonly backchannelLogoutUri?: string;
  readonly idTokenAlg: IdTokenAlg;
  /** Absent: `baseline`. */
  readonly profile?: Profile;
  /** Takes authorization requests by PAR only (RFC 9126 section 6). */
  readonly requirePushedRequests?: boolean;
  /** Takes authorization requests as signed request objects only (RFC 9101 section 10.5). */
  readonly requireSignedRequests?: boolean;
  /** Its access tokens are bound to a DPoP key (RFC 9449 section 5.2). */
  readonly dpopBoundTokens?: boolean;
  /** Absent: `public`. See subjects.ts. */
  readonly subjectType?: 'pairwise';
  readonly sectorIdentifierUri?: string;
  /** Signs what is sent to it as a JWT. Absent: authorization responses and introspection as `idTokenAlg`; userinfo is JSON. */
  readonly authorizationAlg?: IdTokenAlg;
  readonly introspectionAlg?: IdTokenAlg;
  readonly userinfoAlg?: IdTokenAlg;
  /** Seconds; absent: the setting's default; 0: strict. */
  readonly refreshReplayWindowSeconds?: number;
  /** Seconds that it asks for; what it gets is never more than the policy gives (client-lifetimes.ts). */
  readonly familyIdleSeconds?: number;
  readonly familyAbsoluteSeconds?: number;
  readonly accessTokenSeconds?: number;
  readonly logoUri?: string;
  readonly policyUri?: string;
  readonly tosUri?: string;
  readonly clientUri?: string;
  /** Where its people get help. */
  readonly supportUri?: string;
  /** `#rrggbb` on light and on dark pages, each readable there (WCAG AA). */
  readonly accent?: string;
  readonly accentDark?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Grows whenever a secret is made or deleted. */
  readonly secretsVersion: number;
}

/** A secret as it is listed: never its value, which only `create` and `rotateSecret` give, once. */
export interface ClientSecretInfo {
  readonly secretId: string;
  readonly createdAt: number;
  /** Absent: until it is deleted. */
  readonly expiresAt?: number;
  /** The newest use that was noted; written in batches, so up to a minute behind. */
  readonly lastUsedAt?: number;
}

/** A fault of an input: which member, and what is wrong with it in words for the one who sent it. */
export interface Fault {
  readonly field: string;
  readonly fault: string;
}

/** What every change of a client or resource server may answer besides its result. */
export type Refused =
  | { readonly kind: 'faults'; readonly faults: readonly Fault[] }
  | { readonly kind: 'exists' }
  | { readonly kind: 'absent' };

/** Whether it can keep a secret (RFC 6749 section 2.1). */
export function isConfidential(client: Pick<Client, 'authMethod'>): boolean {
  return client.authMethod !== 'none';
}

/** Whether it authenticates by a shared secret. */
export function hasSecret(client: Pick<Client, 'authMethod'>): boolean {
  return client.authMethod === 'client_secret_basic' || client.authMethod === 'client_secret_post';
}

/** Whether it needs mutual TLS, which a server may not have. */
export function needsMutualTls(client: Pick<Client, 'authMethod' | 'certificateBoundTokens'>): boolean {
  return (
    client.authMethod === 'tls_client_auth' ||
    client.authMethod === 'self_signed_tls_client_auth' ||
    client.certificateBoundTokens === true
  );
}
