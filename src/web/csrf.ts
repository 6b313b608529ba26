/**
 * Forms that only our own page in this browser can send. Three things must agree: the browser's own word about where
 * the form came from (Sec-Fetch-Site, Origin), a random cookie of this browser, and a token that is an HMAC over that
 * cookie and the purpose of the form (for example one interaction), so that a token opens one form and no other.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type Koa from 'koa';
import type { Cookies } from './cookies.ts';

export type CsrfOutcome =
  | { readonly kind: 'ok' }
  /** The browser says that another site sent the form. */
  | { readonly kind: 'foreign' }
  /** No cookie, no token, or a token made for another form or another browser: an old page. */
  | { readonly kind: 'stale' };

export interface Csrf {
  /** The token for a form with this purpose; gives the browser its cookie when it has none. */
  issue(ctx: Koa.Context, purpose: string): string;
  check(ctx: Koa.Context, purpose: string, token: string | undefined): CsrfOutcome;
  /** Whether `issue` made it for this browser and purpose, wherever the request comes from: for addresses, not forms. */
  isOfBrowser(ctx: Koa.Context, purpose: string, token: string): boolean;
}

export interface CsrfOptions {
  /** Random secrets, newest first: the first makes tokens, all of them verify. At least one. */
  readonly keys: readonly string[];
  readonly cookies: Cookies;
  /** The issuer's origin. */
  readonly origin: string;
}

const COOKIE = 'browser';
/** 128 bits in base64url. */
const COOKIE_SHAPE = /^[A-Za-z0-9_-]{22}$/;

export function createCsrf({ keys, cookies, origin }: CsrfOptions): Csrf {
  const newest = keys[0];
  if (newest === undefined) throw new RangeError('Forms need a key.');

  const browserOf = (ctx: Koa.Context): string | undefined => {
    const value = cookies.read(ctx, COOKIE);
    return value !== undefined && COOKIE_SHAPE.test(value) ? value : undefined;
  };

  const isOfBrowser: Csrf['isOfBrowser'] = (ctx, purpose, token) => {
    const browser = browserOf(ctx);
    if (browser === undefined) return false;
    const presented = Buffer.from(token);
    return keys.some((key) => {
      const expected = Buffer.from(tokenOf(key, browser, purpose));
      return expected.length === presented.length && timingSafeEqual(expected, presented);
    });
  };

  return {
    issue(ctx, purpose) {
      let browser = browserOf(ctx) ?? issuedNow(ctx);
      if (browser === undefined) {
        browser = randomBytes(16).toString('base64url');
        ctx.state.csrfBrowser = browser;
        cookies.set(ctx, COOKIE, browser);
      }
      return tokenOf(newest, browser, purpose);
    },
    check(ctx, purpose, token) {
      if (!cameFromHere(ctx, origin)) return { kind: 'foreign' };
      return token !== undefined && isOfBrowser(ctx, purpose, token) ? { kind: 'ok' } : { kind: 'stale' };
    },
    isOfBrowser,
  };
}

/**
 * Whether the browser says that the form stood on our own page. `Origin: null` is another origin (RFC 6454 section
 * 7.1): sandboxed frames and `data:` pages send it. Our pages loosen their referrer policy to `same-origin` in a meta
 * element, because under `no-referrer` browsers would send `null` for our own forms too (Fetch, "append a request
 * Origin header"). A client that sends neither header has no browser to be tricked: the token alone decides.
 */
export function cameFromHere(ctx: Pick<Koa.Context, 'get'>, origin: string): boolean {
  const site = ctx.get('Sec-Fetch-Site');
  if (site !== '' && site !== 'same-origin' && site !== 'none') return false;
  const said = ctx.get('Origin');
  return said === '' || said === origin;
}

function tokenOf(key: string, browser: string, purpose: string): string {
  return createHmac('sha256', key).update(`form\n${browser}\n${purpose}`).digest('base64url');
}

/** Two forms on one page share the cookie that the first one made. */
function issuedNow(ctx: Koa.Context): string | undefined {
  const value: unknown = ctx.state.csrfBrowser;
  return typeof value === 'string' ? value : undefined;
}
