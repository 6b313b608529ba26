/** The engine's settings. Everything it would default is set here or switched off. */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { allowsOrigin } from '../clients/browser-origins.ts';
import type { Client } from '../clients/client.ts';
import { claimsByScope, OIDC_SCOPES, type ResourceServer } from '../clients/resource-server.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { KeySet } from '../keys/signing-key.ts';
import type { CookieSignatures } from '../web/cookie-signatures.ts';
import { createAuthorizationRules } from './authorization-rules.ts';
import type { EngineClients } from './engine-clients.ts';
import { createInteractionPolicy } from './interaction-policy.ts';
import { FAMILY_CLAIM } from './jwt-access-tokens.ts';
import { type LevelParts, levelClaims } from './level-checks.ts';
import { levels } from './levels.ts';
import { tokenLifetimes } from './lifetimes-of-tokens.ts';
import { type MutualTls, mutualTlsDiscovery, mutualTlsFeature, mutualTlsMethods } from './mutual-tls.ts';
import { checkAssertionAlg, isNonceRequired } from './profile-gate.ts';
import { CLOCK_TOLERANCE_SECONDS, checkRequestObject, requestObjectAlgs } from './request-objects.ts';
import { currentState } from './request-state.ts';
import type { RichRequests } from './rich-requests.ts';

export interface ConfigurationParts {
  readonly issuer: string;
  readonly keys: KeySet;
  readonly cookieSignatures: CookieSignatures;
  readonly dpopNonceSecret: Buffer;
  readonly cookieNames: { readonly session: string; readonly interaction: string; readonly resume: string };
  readonly secureCookies: boolean;
  /** What the documents say besides what the engine knows (RFC 8414 section 2). */
  readonly discovery: Readonly<Record<string, string | boolean>>;
  readonly lifetimes: Lifetimes;
  readonly clients: () => EngineClients;
  readonly clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>;
  /** Absent: not spoken here. */
  readonly mutualTls: MutualTls | undefined;
  /** The guarded client's. */
  readonly fetch: typeof globalThis.fetch;
  readonly checkAssertion: NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']>;
  readonly adapter: NonNullable<Configuration['adapter']>;
  readonly findAccount: NonNullable<Configuration['findAccount']>;
  readonly hooks: Required<Pick<Configuration, 'loadExistingGrant' | 'expiresWithSession'>>;
  readonly resources: NonNullable<NonNullable<Configuration['features']>['resourceIndicators']>;
  readonly richRequests: RichRequests;
  readonly levels: LevelParts;
  readonly resourceServers: () => Promise<readonly ResourceServer[]>;
  readonly pages: {
    readonly renderError: NonNullable<Configuration['renderError']>;
    readonly rpInitiatedLogout: NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']>;
    readonly deviceFlow: NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;
  };
  /** The languages that the pages have. */
  readonly uiLocales: readonly string[];
  readonly signUp: boolean;
  /** Roles and permissions of the token's subject at its audience. */
  readonly accessClaims: (
    audience: string,
    accountId: string | undefined,
    clientId: string,
  ) => Promise<{ roles: readonly string[]; permissions: readonly string[] }>;
  /** What an account is called at a pairwise client, as the engine holds it. */
  readonly pairwiseSubject: (client: object, accountId: string) => string;
  /** @throws when this client, or its network, has pushed too many requests */
  readonly checkPush: (ctx: KoaContextWithOIDC, client: Client) => Promise<void>;
  /** True for one caller only until `expiresAt` (ms). */
  readonly claim: (scope: string, value: string, expiresAt: number) => Promise<boolean>;
  /** The client that may introspect tokens of this audience, besides the token's own. */
  readonly introspectionClientOf: (audience: string) => Promise<string | undefined>;
}

/** What we sign with for clients; the keys of an algorithm are made when the first client asks for it. */
const signingAlgs = ['RS256', 'ES256', 'PS256', 'EdDSA'] as const;

export function engineConfiguration(parts: ConfigurationParts): Configuration {
  const { keys, lifetimes, clientOf } = parts;
  const clientOfEngine = (client: object | undefined) => parts.clients().clientOf(client);
  const typeOf = (client: object | undefined) => parts.clients().typeOf(client);
  const cookie = { httpOnly: true, sameSite: 'lax', secure: parts.secureCookies, overwrite: true } as const;
  return {
    adapter: parts.adapter,
    fetch: (url, options) => parts.fetch(url, options),
    assertJwtClientAuthClaimsAndHeader: async (ctx, claims, header, client) => {
      checkAssertionAlg(header, await clientOf(ctx));
      await parts.checkAssertion(ctx, claims, header, client);
    },
    jwks: { keys: keys.jwks.keys as NonNullable<Configuration['jwks']>['keys'] },
    scopes: [...OIDC_SCOPES],
    claims: {
      acr: null,
      amr: null,
      auth_time: null,
      iss: null,
      sid: null,
      ...Object.fromEntries(Object.entries(claimsByScope).map(([scope, claims]) => [scope, [...claims]])),
    },
    acrValues: [...levels],
    discovery: {
      ui_locales_supported: [...parts.uiLocales],
      // OpenID Connect Prompt Create 1.0 section 4.1.
      prompt_values_supported: [
        'none',
        'login',
        'consent',
        'select_account',
        ...(parts.signUp ? ['create'] : []),
      ],
      ...mutualTlsDiscovery(parts.mutualTls, parts.issuer),
      ...parts.discovery,
    },
    responseTypes: ['code', 'none'],
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: async (_ctx, accountId, client) => parts.pairwiseSubject(client, accountId),
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      ...mutualTlsMethods(parts.mutualTls),
      'none',
    ],
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA'],
      idTokenSigningAlgValues: [...signingAlgs],
      authorizationSigningAlgValues: [...signingAlgs],
      introspectionSigningAlgValues: [...signingAlgs],
      userinfoSigningAlgValues: [...signingAlgs],
      requestObjectSigningAlgValues: [...requestObjectAlgs],
      dPoPSigningAlgValues: ['ES256', 'PS256', 'EdDSA', 'RS256'],
    },
    cookies: {
      keys: parts.cookieSignatures as unknown as NonNullable<Configuration['cookies']>['keys'],
      names: { ...parts.cookieNames },
      long: { ...cookie, path: '/' },
      short: cookie,
    },
    routes: {
      authorization: '/oauth2/authorize',
      token: '/oauth2/token',
      userinfo: '/oauth2/userinfo',
      jwks: '/oauth2/jwks',
      introspection: '/oauth2/introspect',
      revocation: '/oauth2/revoke',
      pushed_authorization_request: '/oauth2/par',
      end_session: '/oauth2/logout',
      device_authorization: '/oauth2/device_authorization',
      code_verification: '/device',
    },
    pkce: { required: (ctx, _client) => parts.clients().clientOf(ctx.oidc.client)?.pkceRequired ?? true },
    allowOmittingSingleRegisteredRedirectUri: false,
    acceptQueryParamAccessTokens: false,
    // RFC 7662 section 4 and OpenID Connect Core section 5.4: claims come with the scopes that name them.
    conformIdTokenClaims: true,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ttl: tokenLifetimes(lifetimes, typeOf, clientOfEngine),
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
    revokeGrantPolicy: () => true,
    findAccount: parts.findAccount,
    ...parts.hooks,
    extraParams: { scope: createAuthorizationRules(parts) },
    extraTokenClaims: async (ctx, token) => {
      const { aud, clientId } = token;
      const minted = currentState()?.minted;
      const level = minted?.claims ?? levelClaims(ctx, token);
      const { accountId, grantId } = token as { accountId?: string; grantId?: string };
      if (typeof aud !== 'string' || !clientId) return level;
      const { roles, permissions } = await parts.accessClaims(aud, accountId, clientId);
      const isJwt = token.resourceServer?.accessTokenFormat === 'jwt';
      return {
        ...level,
        ...(roles.length > 0 ? { roles } : {}),
        ...(permissions.length > 0 ? { permissions } : {}),
        ...(minted?.act ? { act: minted.act } : {}),
        ...mayActClaim(parts.clients().clientOf(token.client)),
        ...(grantId && isJwt ? { [FAMILY_CLAIM]: grantId } : {}),
      };
    },
    interactions: {
      policy: createInteractionPolicy(clientOf, parts.levels, parts.signUp),
      url: (ctx, interaction) =>
        new URL(ctx.oidc.urlFor('authorization')).pathname.replace(
          /oauth2\/authorize$/,
          `interaction/${interaction.uid}`,
        ),
    },
    renderError: parts.pages.renderError,
    clientBasedCORS: (ctx, origin, client) =>
      allowsOrigin(parts.clients().clientOf(client), ctx.oidc.route, origin),
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      mTLS: mutualTlsFeature(parts.mutualTls),
      deviceFlow: parts.pages.deviceFlow,
      dPoP: {
        enabled: true,
        nonceSecret: parts.dpopNonceSecret,
        requireNonce: (ctx) => isNonceRequired(clientOfEngine(ctx.oidc.client)),
      },
      pushedAuthorizationRequests: { enabled: true },
      requestObjects: {
        enabled: true,
        assertJwtClaimsAndHeader: async (ctx, claims, header) =>
          checkRequestObject(ctx, claims, header, await clientOf(ctx)),
      },
      jwtResponseModes: { enabled: true },
      jwtIntrospection: { enabled: true },
      jwtUserinfo: { enabled: true },
      introspection: {
        enabled: true,
        // RFC 7662 section 4: only the token's own client, and the client of the API that it is for.
        allowedPolicy: async (_ctx, client, token) => {
          if (client.clientAuthMethod === 'none') return false;
          if (token.clientId === client.clientId) return true;
          const { aud } = token as { aud?: unknown };
          return typeof aud === 'string' && (await parts.introspectionClientOf(aud)) === client.clientId;
        },
      },
      revocation: {
        enabled: true,
        // RFC 7009 section 2.1: a client ends its own tokens, and is told when one is another's.
        allowedPolicy: async (_ctx, client, token) => {
          if (token.clientId === client.clientId) return true;
          throw new errors.InvalidRequest('this token was issued to another client');
        },
      },
      rpInitiatedLogout: parts.pages.rpInitiatedLogout,
      backchannelLogout: { enabled: true },
      resourceIndicators: parts.resources,
      richAuthorizationRequests: parts.richRequests,
      userinfo: { enabled: true },
    },
  };
}
/** RFC 8693 section 4.4: who alone may act with this client's tokens. */
function mayActClaim(client: Client | undefined): { may_act?: { sub: string } } {
  return client?.mayAct === undefined ? {} : { may_act: { sub: client.mayAct } };
}
