/** What each type of client is by default, and what it may be made. */
import type { ClientType } from '../config/lifetimes.ts';
import type { AuthMethod, GrantType } from './client.ts';
import type { UriUse } from './uri-rules.ts';

export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** RFC 8693. */
export const EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** RFC 7523 section 2.1. */
export const ASSERTION_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** Given by a policy (grant-policies.ts), never by a list of grant types. */
export type DerivedGrant = typeof EXCHANGE_GRANT | typeof ASSERTION_GRANT;
export const derivedGrants: readonly string[] = [EXCHANGE_GRANT, ASSERTION_GRANT] satisfies DerivedGrant[];

export interface TypeRules {
  readonly grantTypes: readonly GrantType[];
  readonly responseTypes: readonly string[];
  readonly authMethod: AuthMethod;
  readonly mayHaveGrantTypes: readonly GrantType[];
  readonly mayHaveAuthMethods: readonly AuthMethod[];
  /** Undefined: it is never redirected to. */
  readonly redirects?: UriUse;
}

const confidentialMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'federated_jwt',
] as const;
const inBrowser: UriUse = { loopbackHttp: true, customScheme: false, carriesResponse: true };

/**
 * The table. Web apps keep a secret on their server; single-page, native and device clients cannot (RFC 6749
 * section 2.1), so they have none and PKCE is all that binds their codes; services act for themselves only.
 */
export const typeRules: Readonly<Record<ClientType, TypeRules>> = {
  web: {
    grantTypes: ['authorization_code', 'refresh_token'],
    responseTypes: ['code'],
    authMethod: 'client_secret_basic',
    mayHaveGrantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
    mayHaveAuthMethods: confidentialMethods,
    redirects: inBrowser,
  },
  spa: {
    grantTypes: ['authorization_code', 'refresh_token'],
    responseTypes: ['code'],
    authMethod: 'none',
    mayHaveGrantTypes: ['authorization_code', 'refresh_token'],
    mayHaveAuthMethods: ['none'],
    redirects: inBrowser,
  },
  native: {
    grantTypes: ['authorization_code', 'refresh_token'],
    responseTypes: ['code'],
    authMethod: 'none',
    mayHaveGrantTypes: ['authorization_code', 'refresh_token', DEVICE_GRANT],
    mayHaveAuthMethods: ['none'],
    redirects: { loopbackHttp: true, customScheme: true, carriesResponse: true },
  },
  service: {
    grantTypes: ['client_credentials'],
    responseTypes: [],
    authMethod: 'client_secret_basic',
    mayHaveGrantTypes: ['client_credentials'],
    mayHaveAuthMethods: confidentialMethods,
  },
  device: {
    grantTypes: [DEVICE_GRANT, 'refresh_token'],
    responseTypes: [],
    authMethod: 'none',
    mayHaveGrantTypes: [DEVICE_GRANT, 'refresh_token'],
    mayHaveAuthMethods: ['none'],
  },
};
