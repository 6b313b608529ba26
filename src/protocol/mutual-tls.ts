/** Mutual TLS as the engine wants it (RFC 8705): methods, bound tokens, and the addresses where it is spoken. */
import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { subjectMatches } from '../clients/certificate-subject.ts';
import { type Client, needsMutualTls } from '../clients/client.ts';
import { stateOf } from './request-state.ts';

export interface MutualTls {
  readonly certificateOf: (
    req: IncomingMessage,
  ) => { readonly certificate: X509Certificate; readonly isTrusted: boolean } | undefined;
  /** Whether there are authorities, without which tls_client_auth is not offered. */
  readonly hasAuthorities: boolean;
  /** `https://host[:port]`; absent: spoken at the issuer's own address. */
  readonly origin?: string | undefined;
  /** Whether this request came to that origin. */
  readonly isAtAlias: (req: IncomingMessage) => boolean;
}

type MtlsFeature = NonNullable<NonNullable<Configuration['features']>['mTLS']>;

export function mutualTlsFeature(mutualTls: MutualTls | undefined): MtlsFeature {
  if (!mutualTls) return { enabled: false };
  const found = (ctx: KoaContextWithOIDC) => mutualTls.certificateOf(ctx.req);
  return {
    enabled: true,
    certificateBoundAccessTokens: true,
    selfSignedTlsClientAuth: true,
    tlsClientAuth: mutualTls.hasAuthorities,
    getCertificate(ctx) {
      const certificate = found(ctx)?.certificate;
      if (certificate) stateOf(ctx).certificate = certificate.fingerprint256;
      return certificate;
    },
    certificateAuthorized: (ctx) => found(ctx)?.isTrusted === true,
    certificateSubjectMatches(ctx, member, expected) {
      const certificate = found(ctx)?.certificate;
      return certificate !== undefined && subjectMatches(certificate, member, expected);
    },
  };
}

/**
 * A client that needs what is not configured is refused: the engine would drop the binding of its tokens in silence.
 * @throws invalid_client
 */
export function checkMutualTls(client: Client, mutualTls: MutualTls | undefined): void {
  if (!needsMutualTls(client)) return;
  const offers = mutualTls && (client.authMethod !== 'tls_client_auth' || mutualTls.hasAuthorities);
  if (!offers)
    throw new errors.InvalidClientAuth('mutual TLS, which this client needs, is not configured here');
}

/** The authentication methods that come with it. */
export function mutualTlsMethods(mutualTls: MutualTls | undefined) {
  if (!mutualTls) return [];
  return mutualTls.hasAuthorities
    ? (['self_signed_tls_client_auth', 'tls_client_auth'] as const)
    : (['self_signed_tls_client_auth'] as const);
}

/** Addresses that a client with a certificate asks (RFC 8705 section 5), by their names in discovery. */
const aliased = {
  token_endpoint: '/oauth2/token',
  introspection_endpoint: '/oauth2/introspect',
  revocation_endpoint: '/oauth2/revoke',
  userinfo_endpoint: '/oauth2/userinfo',
  pushed_authorization_request_endpoint: '/oauth2/par',
  device_authorization_endpoint: '/oauth2/device_authorization',
} as const;

export const mutualTlsPaths: ReadonlySet<string> = new Set(Object.values(aliased));

/** What discovery says of it besides the engine's own members. */
export function mutualTlsDiscovery(mutualTls: MutualTls | undefined, issuer: string) {
  if (!mutualTls?.origin) return {};
  const base = atOrigin(mutualTls.origin, issuer);
  const aliases = Object.entries(aliased).map(([name, path]) => [name, base + path]);
  return { mtls_endpoint_aliases: Object.fromEntries(aliases) as Record<string, string> };
}

/** One of our addresses at another origin. */
export function atOrigin(origin: string, address: string): string {
  return origin + address.slice(new URL(address).origin.length).replace(/\/$/, '');
}
