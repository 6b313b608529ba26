/** The way of a protocol request: documents from memory, limits, lease, engine, and what must be right afterwards. */
import type Koa from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { StorageUnavailable } from '../storage/unavailable.ts';
import { leadToSignedOut } from './back-channel-logout.ts';
import { prepareDeviceForm } from './device-codes.ts';
import { createEndpointLimits } from './endpoint-limits.ts';
import { replaceSelfSubmittingForms } from './engine-pages.ts';
import type { LiveEngine } from './live-engine.ts';
import { isPostedRequest, sendOnByGet } from './posted-requests.ts';
import type { ProtocolParts } from './protocol-parts.ts';
import { isPublicDocument, servePublicDocument } from './public-documents.ts';
import { ruleOf } from './refusal-rules.ts';
import { createRegistrationDoor, isRegistration } from './registration-door.ts';
import { type RequestState, stateOf } from './request-state.ts';
import { commitUnit, openUnit, type UnitOfWork } from './unit-of-work.ts';

/**
 * The engine's router takes any case and a trailing slash; limits and the rules below know an address by its one
 * spelling. Any other spelling is no address of ours.
 */
const ours = /^\/(?:(?:oauth2|\.well-known)\/[a-z_-]+(?:\/[A-Za-z0-9_-]+)*|device(?:\/[A-Za-z0-9_-]+)?)$/;
/** Where a code is issued or a device's approved: its family and the code are stored by one statement. */
const authorizing = /^\/(?:oauth2\/authorize|device)(?:\/|$)/;

/** Where pages of clients in browsers call (clients/browser-origins.ts). */
const calledFromPages = /^\/oauth2\/(?:token|userinfo|revoke|par|device_authorization)$/;

/** @param refresh builds another instance when keys, or resource servers' types of authorization details, are others by now */
export function createProtocolDoor(
  parts: ProtocolParts,
  live: LiveEngine,
  refresh: () => Promise<void>,
): Koa.Middleware {
  const limits = createEndpointLimits(parts.limits);
  const registration = createRegistrationDoor(parts);

  return async (ctx, next) => {
    if (!ours.test(ctx.path)) return next();
    if (isPublicDocument(ctx)) {
      // Documents go on while the stores are away: this one does not wait for what may be newer, the next one has it.
      void refresh().catch(() => undefined);
      return servePublicDocument(ctx, live.current(), parts.lifetimes.jwksCache);
    }

    const wait = await limits.check(ctx.path, parts.networkOf(ctx.ip));
    if (wait !== undefined) return refuse(ctx, 429, wait, 'too many requests from your network');
    if (isPostedRequest(ctx)) return sendOnByGet(ctx, parts.issuer);
    if (ctx.path === '/device') prepareDeviceForm(ctx, parts.issuer);
    await parts.ensureLease();
    if (isRegistration(ctx)) return registration(ctx);
    await refresh();
    const instance = live.current();

    const state = stateOf(ctx);
    const unit = authorizing.test(ctx.path) ? openUnit() : undefined;
    if (unit) state.unit = unit;
    await instance.middleware(ctx, next);
    if (unit && !state.unavailable) await storeCode(ctx, state, unit);
    // RFC 6749 section 4.1.2.1 has the code, RFC 9110 section 10.2.3 the header.
    if (state.unavailable) {
      const { retryAfterSeconds } = state.unavailable;
      return refuse(
        ctx,
        503,
        retryAfterSeconds,
        'a store does not answer; nothing was issued, try again shortly',
      );
    }
    await replaceSelfSubmittingForms(ctx as unknown as KoaContextWithOIDC, parts.pages, parts.clients.find);
    leadToSignedOut(ctx as unknown as KoaContextWithOIDC);
    // RFC 7009 section 2.2: the answer is empty, and an empty text is not called text: oidc-client-ts fails on that.
    if (ctx.path === '/oauth2/revoke' && ctx.body === '') ctx.remove('Content-Type');
    // RFC 6749 section 5.1; what may be kept says so itself.
    if (!ctx.response.get('Cache-Control')) ctx.set('Cache-Control', 'no-store');
  };

  async function storeCode(ctx: Koa.Context, state: RequestState, unit: UnitOfWork): Promise<void> {
    delete state.unit;
    if (!state.sessionEnded || !unit.family) {
      const outcome = await commitUnit(parts.artifacts, unit).catch((error: unknown) => {
        if (!(error instanceof StorageUnavailable)) throw error;
        state.unavailable = { retryAfterSeconds: error.retryAfterSeconds };
      });
      if (!outcome || outcome.kind === 'committed') return;
    }
    // The session was signed out while it was read, or the family that a silent request shares has ended: the app asks
    // again.
    refuse(ctx, 503, 1, 'this sign-in was ended meanwhile; try again');
  }

  function refuse(ctx: Koa.Context, status: 429 | 503, retryAfterSeconds: number, description: string): void {
    const error = 'temporarily_unavailable';
    const { rule, expected } = ruleOf(error);
    const reference = parts.refusals.record({
      kind: 'protocol',
      rule,
      error,
      expected,
      received: description,
      description,
      network: parts.networkOf(ctx.ip),
      requestId: parts.requestIdOf(ctx),
    });
    if (status === 429) parts.metrics.count('cardea_rate_limited_total', { limit: 'protocol' });
    else parts.metrics.count('cardea_storage_unavailable_total');
    ctx.remove('Location');
    ctx.remove('Set-Cookie');
    ctx.status = status;
    ctx.set('Retry-After', String(Math.ceil(retryAfterSeconds)));
    ctx.set('Cache-Control', 'no-store');
    if (authorizing.test(ctx.path) || ctx.path.startsWith('/oauth2/logout')) {
      parts.pages.error(ctx as unknown as KoaContextWithOIDC, { status, error, description, reference });
      return;
    }
    // A page may read that it has to wait; the client is not known yet, and nothing here is a secret.
    if (ctx.get('Origin') && calledFromPages.test(ctx.path)) {
      ctx.set('Access-Control-Allow-Origin', ctx.get('Origin'));
      ctx.set('Access-Control-Expose-Headers', 'Retry-After');
      ctx.vary('Origin');
    }
    ctx.body = { error, error_description: description, reference };
  }
}
