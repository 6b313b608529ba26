/**
 * Pushed authorization requests (RFC 9126): how long one may be used, and that it leads to one authorization only. The
 * engine keeps one for 60 seconds whatever is set, forgets it while the person still signs in, and then lets every page
 * that was opened with it end in a code of its own.
 */
import { decodeJwt, UnsecuredJWT } from 'jose';
import type Provider from 'oidc-provider';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Artifacts } from '../storage/artifacts.ts';

/** The engine's model, as far as it is touched here. */
interface PushedRequest {
  request: string;
  exp: number;
  save(ttlSeconds: number): Promise<string>;
}

/**
 * Seconds that a pushed request stays stored after its end: the request that found it in its last moment must still be
 * able to store it anew (`keepForPages`) without giving back what another one has used up.
 */
export const STORED_LONGER_SECONDS = 60;

/**
 * A page was opened with a pushed request: it stays known for a sign-in and a consent, each as long as an interaction
 * may take. Whoever needs longer is refused, since nobody knows any more whether it was used.
 * @param pushed the request as this HTTP request has found it
 * @param id the one that the page belongs to
 */
export async function keepForPages(
  artifacts: Pick<Artifacts, 'put'>,
  pushed: Readonly<Record<string, unknown>> | undefined,
  id: unknown,
  interactionSeconds: number,
): Promise<void> {
  if (typeof id !== 'string' || pushed?.jti !== id) return;
  const ttlSeconds = 2 * interactionSeconds + STORED_LONGER_SECONDS;
  await artifacts.put({ kind: 'PushedAuthorizationRequest', id, payload: pushed, ttlSeconds });
}

/** Twice what fits into an address (web/server-limits.ts): each one is stored. RFC 9126 section 2.3 expects a bound. */
const MAX_LENGTH = 16_384;

/** Gives every pushed request the lifetime of the settings, in the store, in its own `exp` and in the answer. */
export function setPushedRequestLifetime(engine: Provider, seconds: number): void {
  const { prototype } = engine.PushedAuthorizationRequest as unknown as { prototype: PushedRequest };
  const { save } = prototype;
  Object.defineProperty(prototype, 'save', {
    configurable: true,
    writable: true,
    value: function (this: PushedRequest): Promise<string> {
      if (this.request.length > MAX_LENGTH) {
        throw new errors.InvalidRequest(`a pushed request may have ${MAX_LENGTH} characters at most`);
      }
      const now = Math.floor(Date.now() / 1000);
      const payload = decodeJwt(this.request);
      // A signed request ends when its client says so; one that we wrap ourselves (alg none) when we say so.
      if (this.request.endsWith('.')) {
        this.request = new UnsecuredJWT({ ...payload, exp: now + seconds }).encode();
        return save.call(this, seconds);
      }
      const left = Number(payload.exp) - now;
      return save.call(this, Math.max(1, Math.min(seconds, left)));
    },
  });
  engine.on('pushed_authorization_request.success', (ctx: KoaContextWithOIDC) => {
    const pushed = ctx.oidc.entities.PushedAuthorizationRequest as unknown as PushedRequest;
    const body = ctx.body as { expires_in: number };
    body.expires_in = pushed.exp - Math.floor(Date.now() / 1000);
  });
}

/**
 * The scope as the client asked for it. The engine's own parameters have lost what it does not know or grant by then.
 * What stands beside a request object or a pushed request counts for nothing (RFC 9101 section 6.3).
 */
export function askedScope(ctx: KoaContextWithOIDC): string {
  const outer = (ctx.method === 'POST' ? ctx.oidc.body : ctx.query) as Record<string, unknown> | undefined;
  const pushed = ctx.oidc.entities.PushedAuthorizationRequest as unknown as PushedRequest | undefined;
  const object = pushed?.request ?? outer?.request;
  const asked = typeof object === 'string' && object ? decodeJwt(object).scope : outer?.scope;
  return typeof asked === 'string' ? asked : '';
}
