/**
 * What the engine tells of itself becomes one audit event, one count and one log line each; every refusal gets its
 * reference here and carries it to whoever was refused.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import Provider from 'oidc-provider';
import type { Audit } from '../audit/audit.ts';
import type { AuditEvent, AuditEventOf } from '../audit/catalogue.ts';
import { describeReceived } from '../audit/received.ts';
import type { Refusals } from '../audit/refusals.ts';
import type { Clock } from '../config/clock.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { FamilyIndex } from '../storage/family-index.ts';
import { StorageUnavailable } from '../storage/unavailable.ts';
import { noteUsed } from './family-notes.ts';
import { ruleOf, wireCodeOf } from './refusal-rules.ts';
import { noteRefusedGrant } from './refused-grants.ts';
import { currentState, stateOf } from './request-state.ts';
import { sentByRefused } from './sent-by-refused.ts';

export interface EventParts {
  readonly issuer: string;
  readonly audit: Audit;
  readonly refusals: Refusals;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly networkOf: (ip: string) => string;
  readonly requestIdOf: (ctx: KoaContextWithOIDC) => string;
  /** A client failed to authenticate from this network. */
  readonly noteFailedClient: (network: string) => void;
  readonly families: Pick<FamilyIndex, 'note' | 'ask'>;
  readonly clock: Clock;
  readonly mayRecord: (network: string) => boolean;
}

type EngineError = Error & {
  error?: string;
  error_description?: string;
  error_detail?: string;
  statusCode?: number;
};

/** Event of the engine → where the refusal happened. */
const refusedAt: Readonly<Record<string, string>> = {
  'authorization.error': 'authorize',
  'pushed_authorization_request.error': 'par',
  'grant.error': 'token',
  'userinfo.error': 'userinfo',
  'introspection.error': 'introspect',
  'revocation.error': 'revoke',
  'discovery.error': 'discovery',
  'jwks.error': 'jwks',
  'end_session.error': 'logout',
  'end_session_confirm.error': 'logout',
  'end_session_success.error': 'logout',
  server_error: 'server',
};

export function listenToEngine(engine: Provider, parts: EventParts): void {
  const on = (event: string, listener: (...args: never[]) => void) =>
    engine.on(event as 'server_error', listener as never);

  for (const [event, kind] of Object.entries(refusedAt)) {
    on(event, (ctx: KoaContextWithOIDC, error: EngineError) => refuse(parts, kind, ctx, error));
  }
  on('grant.success', (ctx: KoaContextWithOIDC) => granted(parts, ctx));
  for (const kind of ['access_token', 'client_credentials', 'refresh_token']) {
    on(`${kind}.destroyed`, (token: DestroyedToken) => revoked(parts, token));
  }
  on('authorization.success', (ctx: KoaContextWithOIDC) => {
    parts.metrics.count('cardea_authorizations_total', { outcome: 'granted' });
    parts.log.debug('authorization granted', { clientId: ctx.oidc.client?.clientId });
  });
}

function refuse(parts: EventParts, kind: string, ctx: KoaContextWithOIDC, error: EngineError): void {
  const { refusals, metrics, log } = parts;
  // Whoever asked the store: the outer door turns what the engine makes of it into 503.
  if (error instanceof StorageUnavailable) {
    stateOf(ctx).unavailable ??= { retryAfterSeconds: error.retryAfterSeconds };
  }
  const code = wireCodeOf(error.error ?? 'server_error', error.error_description, error.error_detail);
  const detail = [error.error_detail, stateOf(ctx).endedBecause].filter(Boolean).join('; ');
  const network = parts.networkOf(ctx.ip);
  const { rule, expected } = ruleOf(code, error.error_description, detail);
  const clientId = ctx.oidc.client?.clientId;
  const params = (ctx.oidc.params ?? ctx.oidc.body ?? ctx.query) as Record<string, unknown>;
  const reference = refusals.record({
    kind,
    rule,
    error: code,
    expected,
    received: [detail, describeReceived({ ...params })].filter(Boolean).join(': '),
    description: error.error_description,
    cause: detail,
    sent: sentByRefused(ctx, params),
    ...(clientId ? { clientId } : {}),
    network,
    requestId: parts.requestIdOf(ctx),
  });
  stateOf(ctx).reference = reference;
  if (kind === 'token' && (code === 'invalid_grant' || code === 'expired_token')) {
    noteRefusedGrant(parts, ctx, reference);
  }
  if (isPlainObject(ctx.body) && 'error' in ctx.body) ctx.body = { ...ctx.body, error: code, reference };
  if (code === 'invalid_client' && error.statusCode === 401) {
    parts.noteFailedClient(network);
    // RFC 9110 section 15.5.2: every 401 names a scheme; the engine does only when one was tried.
    if (!ctx.response.get('WWW-Authenticate')) ctx.set('WWW-Authenticate', `Basic realm="${parts.issuer}"`);
  }
  metrics.count('cardea_refusals_total', { endpoint: kind, error: code });
  const fields = { kind, error: code, detail, clientId, reference, requestId: parts.requestIdOf(ctx) };
  if (code === 'server_error' && !stateOf(ctx).unavailable)
    log.error('request failed', { ...fields, err: error });
  else log.info('request refused', fields);
}

function granted(parts: EventParts, ctx: KoaContextWithOIDC): void {
  const { audit, metrics, networkOf, requestIdOf, families, clock } = parts;
  const { client, params, entities } = ctx.oidc;
  const grantType = String(params?.grant_type);
  const state = stateOf(ctx);
  metrics.count('cardea_tokens_issued_total', {
    grant_type: grantType,
    outcome: state.replayed ? 'replayed' : 'issued',
  });
  const token = entities.AccessToken ?? entities.ClientCredentials;
  const family = (entities.Grant as { jti?: string } | undefined)?.jti;
  const context = {
    actor: { kind: 'client' as const, id: client?.clientId },
    accountId: ctx.oidc.account?.accountId,
    clientId: client?.clientId,
    network: networkOf(ctx.ip),
    requestId: requestIdOf(ctx),
  };
  const event: AuditEvent = state.replayed
    ? {
        ...context,
        type: 'token.replayed',
        detail: { family: family ?? '', token: 'refresh_token', outcome: 'answered' },
      }
    : {
        ...context,
        type: grantType === 'refresh_token' ? 'token.refreshed' : 'token.issued',
        detail: {
          grantType,
          format: (token?.resourceServer?.accessTokenFormat as 'jwt' | 'opaque' | undefined) ?? 'opaque',
          audience: typeof token?.aud === 'string' ? token.aud : undefined,
          scope: token?.scope,
          family,
        },
      };
  audit.later(event);
  noteUsed({ index: families, clock, networkOf }, ctx);
}

interface DestroyedToken {
  readonly kind: string;
  readonly accountId?: string;
  readonly grantId?: string;
}

/** A client gave a token back (RFC 7009). Tokens that go for another reason have an event of their own. */
function revoked({ audit, networkOf, requestIdOf }: EventParts, token: DestroyedToken): void {
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

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
