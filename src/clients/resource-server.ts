/** What a registered resource server (an API that tokens are for) is. */

import type { AuthorizationType } from './authorization-types.ts';

/** Cardea's own API and console. The one audience that is a bare name; seeded by the migration. */
export const CARDEA_AUDIENCE = 'cardea';

/** Scope names that belong to OpenID Connect or to Cardea: no resource server can own one. */
export const OIDC_SCOPES: ReadonlySet<string> = new Set([
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'offline_access',
  'roles',
]);

/** Scope → claims (OpenID Connect Core section 5.4), and Cardea's `roles`. */
export const claimsByScope: Readonly<Record<string, readonly string[]>> = {
  openid: ['sub'],
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
  roles: ['roles'],
};

export type AccessTokenAlg = 'ES256' | 'RS256' | 'EdDSA' | 'PS256';

export interface ResourceScope {
  readonly name: string;
  /** What the consent page says; the name when absent. */
  readonly description?: string;
}

/** Times are milliseconds since the epoch. Frozen. */
export interface ResourceServer {
  /** The `aud` of its tokens and the value of `resource` (RFC 8707): an absolute URI without fragment, or 'cardea'. */
  readonly audience: string;
  readonly name: string;
  readonly scopes: readonly ResourceScope[];
  readonly tokenFormat: 'jwt' | 'opaque';
  /** Seconds; absent: the setting's default. */
  readonly accessTokenTtlSeconds?: number;
  /** The client whose credentials this API uses at the introspection endpoint. */
  readonly introspectionClientId?: string;
  readonly signingAlg: AccessTokenAlg;
  /** The authorization details that it understands; absent: none. */
  readonly authorizationTypes?: readonly AuthorizationType[];
  readonly createdAt: number;
  readonly updatedAt: number;
}
