/** The address that a person has typed on the page before, kept by the browser alone: it decides nothing. */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';

const COOKIE = 'typed';
/** As long as a mail is waited for. */
const KEPT_SECONDS = 3600;
const FORM = /^[A-Za-z0-9_-]{1,1400}$/;

/** @param path of the pages that see it */
export function keepAddress(ctx: Koa.Context, cookies: Cookies, path: string, email: string): void {
  const value = Buffer.from(email).toString('base64url');
  cookies.set(ctx, COOKIE, value, { path, maxAgeSeconds: KEPT_SECONDS });
}

export function keptAddress(ctx: Koa.Context, cookies: Cookies, path: string): string | undefined {
  const value = cookies.read(ctx, COOKIE, path);
  return value !== undefined && FORM.test(value) ? Buffer.from(value, 'base64url').toString() : undefined;
}
