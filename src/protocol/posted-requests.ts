/**
 * Requests that an app sends by POST (OpenID Connect Core section 3.1.2.1, RP-Initiated Logout section 2). A form from
 * another site comes without our SameSite cookies, so the browser is sent on to the same address by GET, with them; the
 * engine would take such forms only with cookies that every site can use.
 */
import type Koa from 'koa';
import { readForm } from '../web/forms.ts';

const addresses: ReadonlySet<string> = new Set(['/oauth2/authorize', '/oauth2/logout']);
/** What a request line and its headers may hold together (web/server-limits.ts), less what a browser adds. */
const MAX_BYTES = 8_192;

export function isPostedRequest(ctx: Koa.Context): boolean {
  return ctx.method === 'POST' && addresses.has(ctx.path);
}

/** @throws WebFault for a body that is no ordinary form, too large, or has a parameter twice (RFC 6749 section 3.1) */
export async function sendOnByGet(ctx: Koa.Context, issuer: string): Promise<void> {
  const fields = await readForm(ctx, { maxBytes: MAX_BYTES });
  const query = new URLSearchParams(
    Object.entries(fields).map(([name, value]): [string, string] => [name, value ?? '']),
  );
  ctx.status = 303;
  ctx.redirect(`${issuer}${ctx.path}?${query}`);
  ctx.set('Cache-Control', 'no-store');
}
