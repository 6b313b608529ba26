/**
 * Another provider whose people may sign in here. Owned by this room: which providers there are, who our accounts are
 * there, and everything that is said to them. Not owned: accounts, what a sign-in is worth, and what people see.
 */

/** Our levels of sign-in that an upstream value may be taken for (docs/step-up.md). */
export type TrustedLevel = 'urn:cardea:acr:2' | 'urn:cardea:acr:3';

/** A value of the provider's `acr` or `amr` that the operator takes for a level of ours. */
export interface TrustedValue {
  readonly claim: 'acr' | 'amr';
  readonly value: string;
  readonly level: TrustedLevel;
}

/** Where a provider is asked that has no discovery document. */
export interface Endpoints {
  readonly authorization: string;
  readonly token: string;
  readonly userinfo: string;
  /** GitHub's own: a list of `{ email, primary, verified }`. */
  readonly emails?: string;
}

export type ProviderAuthMethod = 'client_secret_basic' | 'client_secret_post' | 'none';

/** A provider as it is stored. Times are milliseconds since the epoch. Frozen: one object serves many requests. */
export interface Provider {
  /** Part of the redirect URI, so it never changes. */
  readonly providerId: string;
  /** On the button. */
  readonly name: string;
  readonly enabled: boolean;
  /** `oauth2`: no ID token; who it is is what `userinfo` says. */
  readonly kind: 'oidc' | 'oauth2';
  readonly preset?: Preset;
  /** Of the discovery document; for `oauth2` what the provider calls itself (RFC 9207). */
  readonly issuer: string;
  readonly clientId: string;
  readonly authMethod: ProviderAuthMethod;
  readonly scopes: readonly string[];
  readonly responseMode: 'query' | 'form_post';
  readonly endpoints?: Endpoints;
  /** Domains of e-mail addresses whose people sign in there; canonical. */
  readonly domains: readonly string[];
  /** Of an issuer that speaks for many: ids (`tid`) of those whose people may sign in. Empty or absent: all. */
  readonly tenants?: readonly string[];
  /** Our claim → where it stands in theirs, as `a.b`. `sub` only for `oauth2`. */
  readonly claims: Readonly<Record<string, string>>;
  /** Its `email_verified` is believed for new accounts. Never enough to link to an account that exists. */
  readonly trustEmailVerified: boolean;
  readonly trusted: readonly TrustedValue[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type Preset = 'google' | 'microsoft' | 'github';

/** What a preset fills in; whatever is given besides wins. */
export const presets: Readonly<Record<Preset, Partial<Provider> & { readonly name: string }>> = {
  google: {
    name: 'Google',
    kind: 'oidc',
    issuer: 'https://accounts.google.com',
    authMethod: 'client_secret_post',
    scopes: ['openid', 'email', 'profile'],
    trustEmailVerified: true,
  },
  // Every tenant of Microsoft's names what addresses it likes, so that none of them is believed: the operator of one
  // tenant gives that tenant's issuer, and says that it is to be trusted.
  microsoft: {
    name: 'Microsoft',
    kind: 'oidc',
    issuer: 'https://login.microsoftonline.com/common/v2.0',
    authMethod: 'client_secret_post',
    scopes: ['openid', 'email', 'profile'],
    trustEmailVerified: false,
  },
  github: {
    name: 'GitHub',
    kind: 'oauth2',
    issuer: 'https://github.com/login/oauth',
    authMethod: 'client_secret_post',
    scopes: ['read:user', 'user:email'],
    endpoints: {
      authorization: 'https://github.com/login/oauth/authorize',
      token: 'https://github.com/login/oauth/access_token',
      userinfo: 'https://api.github.com/user',
      emails: 'https://api.github.com/user/emails',
    },
    claims: { sub: 'id', preferred_username: 'login', name: 'name', picture: 'avatar_url' },
    trustEmailVerified: true,
  },
};

export const presetNames = Object.keys(presets) as readonly Preset[];

/** Where the provider sends people back to: one for each, so that no answer is taken for another's (RFC 9700 section 4.4). */
export function callbackPath(providerId: string): string {
  return `/upstream/callback/${providerId}`;
}

/** Holds the handle of an attempt that has come back; bound to the address that goes on with it. */
export const HANDLE_COOKIE = 'upstream';
/** Where one that was begun in the portal comes back to. */
export const PORTAL_RETURN = '/account/connections/return';
/** The purpose of the form token that only this browser can show: attempts are bound to it. */
export const BROWSER = 'upstream';
