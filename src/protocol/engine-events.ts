/**
 * What the engine tells of itself becomes one audit event, one count and one log line each; every refusal gets its
 * reference here and carries it to whoever was refused.
 */

import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { describeReceived } from '../audit/received.ts';
import { StorageUnavailable } from '../storage/unavailable.ts';
import { POLL_INTERVAL_SECONDS } from '../throttle/device-throttle.ts';
import type { EventParts } from './event-parts.ts';
import { ruleOf, wireCodeOf } from './refusal-rules.ts';
import { noteRefusedGrant } from './refused-grants.ts';
import { stateOf } from './request-state.ts';
import { sentByRefused } from './sent-by-refused.ts';
import { type DestroyedToken, granted, revoked } from './token-events.ts';

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
  'device_authorization.error': 'device authorization',
  'code_verification.error': 'device',
  'device_resume.error': 'device',
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
  on('grant.success', (ctx: KoaContextWithOIDC) => {
    const registered = parts.clientOf(ctx.oidc.client);
    if (registered) parts.registrations.noteUse(registered);
    granted(parts, ctx);
  });
  for (const kind of ['access_token', 'client_credentials', 'refresh_token']) {
    on(`${kind}.destroyed`, (token: DestroyedToken) => revoked(parts, token));
  }
  on('device_authorization.success', (_ctx: KoaContextWithOIDC, body: Record<string, unknown>) => {
    // RFC 8628 section 3.2: five seconds when it is left out, but not every device knows.
    body.interval = POLL_INTERVAL_SECONDS;
    parts.metrics.count('cardea_authorizations_total', { outcome: 'device-asked' });
  });
  on('authorization.success', (ctx: KoaContextWithOIDC) => {
    parts.metrics.count('cardea_authorizations_total', { outcome: 'granted' });
    parts.log.debug('authorization granted', { clientId: ctx.oidc.client?.clientId });
  });
}

function refuse(parts: EventParts, kind: string, ctx: KoaContextWithOIDC, error: EngineError): void {
  const { refusals, metrics, log } = parts;
  if (error.error === 'authorization_pending') {
    // A device that waits is refused nothing: its polls would drown what was.
    metrics.count('cardea_refusals_total', { endpoint: kind, error: error.error });
    return;
  }
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

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
