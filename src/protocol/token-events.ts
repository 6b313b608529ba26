/** What happens to tokens, as audit events and counts: issued, given back, used again. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import Provider from 'oidc-provider';
import type { AuditEvent, AuditEventOf, TokenDetail } from '../audit/catalogue.ts';
import type { EventParts } from './event-parts.ts';
import { noteUsed } from './family-notes.ts';
import { actorsOf } from './minted-tokens.ts';
import { currentState, stateOf } from './request-state.ts';
import type { LargeToken } from './token-sizes.ts';
/** Tokens were issued, or a refresh token was answered again. */
export function granted(parts: EventParts, ctx: KoaContextWithOIDC): void {
  const { audit, metrics, networkOf, requestIdOf, families, clock } = parts;
  const { client, params, entities } = ctx.oidc;
  const grantType = String(params?.grant_type);
  const state = stateOf(ctx);
  metrics.count('cardea_tokens_issued_total', {
    grant_type: grantType,
    outcome: state.replayed ? 'replayed' : 'issued',
  });
  const token = entities.AccessToken ?? entities.ClientCredentials;
  const { minted } = state;
  const family = minted?.family ?? (entities.Grant as { jti?: string } | undefined)?.jti;
  const context = {
    actor: { kind: 'client' as const, id: client?.clientId },
    accountId: minted?.accountId ?? ctx.oidc.account?.accountId,
    clientId: client?.clientId,
    network: networkOf(ctx.ip),
    requestId: requestIdOf(ctx),
  };
  const detail: TokenDetail = {
    grantType,
    format: (token?.resourceServer?.accessTokenFormat as 'jwt' | 'opaque' | undefined) ?? 'opaque',
    audience: typeof token?.aud === 'string' ? token.aud : undefined,
    scope: token?.scope,
    family,
  };
  const subjectClientId = minted?.subjectClientId;
  const event: AuditEvent = state.replayed
    ? {
        ...context,
        type: 'token.replayed',
        detail: { family: family ?? '', token: 'refresh_token', outcome: 'answered' },
      }
    : subjectClientId !== undefined
      ? {
          ...context,
          type: 'token.exchanged',
          detail: { ...detail, subjectClientId, actors: actorsOf(minted?.act) },
        }
      : { ...context, type: grantType === 'refresh_token' ? 'token.refreshed' : 'token.issued', detail };
  audit.later(event);
  noteUsed({ index: families, clock, networkOf }, ctx);
}

export interface DestroyedToken {
  readonly kind: string;
  readonly accountId?: string;
  readonly grantId?: string;
}

/** A client gave a token back (RFC 7009). Tokens that go for another reason have an event of their own. */
export function revoked({ audit, networkOf, requestIdOf }: EventParts, token: DestroyedToken): void {
  const ctx = Provider.ctx;
  if (ctx?.oidc?.route !== 'revocation') return;
  const clientId = ctx.oidc.client?.clientId;
  audit.later({
    type: 'token.revoked',
    actor: { kind: 'client', id: clientId },
    accountId: token.accountId,
    clientId,
    network: networkOf(ctx.ip),
    requestId: requestIdOf(ctx),
    detail: {
      token: token.kind === 'RefreshToken' ? 'refresh_token' : 'access_token',
      family: token.grantId,
    },
  });
}

/**
 * A code or refresh token was used again and its family is being ended for it (RFC 9700 section 4.14.2): how far apart
 * the two uses were and from where. A double effect in a browser framework looks like two uses within a second.
 */
export function theftOf(
  { networkOf, requestIdOf, clock }: Pick<EventParts, 'networkOf' | 'requestIdOf' | 'clock'>,
  family: string,
): AuditEventOf<'token.replayed'> | undefined {
  const ctx = Provider.ctx;
  if (!ctx?.oidc) return undefined;
  const clientId = ctx.oidc.client?.clientId;
  const state = currentState();
  const accountId = state?.grants.get(family)?.accountId;
  const at = clock.now();
  return {
    type: 'token.replayed',
    actor: { kind: 'client', id: clientId },
    accountId: typeof accountId === 'string' ? accountId : undefined,
    clientId,
    network: networkOf(ctx.ip),
    requestId: requestIdOf(ctx),
    at,
    detail: {
      family,
      token: usedAgain[String(ctx.oidc.params?.grant_type)] ?? 'authorization_code',
      outcome: 'family-ended',
      ...(state?.firstUse
        ? { millisecondsApart: Math.max(0, at - state.firstUse.at), firstNetwork: state.firstUse.from }
        : {}),
    },
  };
}

const usedAgain = {
  refresh_token: 'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code': 'device_code',
} as Readonly<Record<string, 'refresh_token' | 'device_code'>>;

/** A token is so large that headers may cut it off: told to the operator before it is refused. */
export function noteLargeToken(
  {
    audit,
    log,
    networkOf,
    requestIdOf,
  }: Pick<EventParts, 'audit' | 'log' | 'networkOf'> & {
    readonly requestIdOf: (ctx: KoaContextWithOIDC) => string;
  },
  ctx: KoaContextWithOIDC,
  detail: LargeToken,
): void {
  const clientId = ctx.oidc.client?.clientId;
  log.warn('a token is large', { ...detail, clientId, requestId: requestIdOf(ctx) });
  audit.later({
    type: 'token.large',
    actor: { kind: 'client', id: clientId },
    accountId: ctx.oidc.account?.accountId,
    clientId,
    network: networkOf(ctx.ip),
    requestId: requestIdOf(ctx),
    detail,
  });
}
