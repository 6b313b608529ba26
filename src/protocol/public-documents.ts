/**
 * Discovery (OpenID Connect Discovery section 4, RFC 8414 section 3) and JWKS from memory: no store is asked, so they go
 * on while Redis and Postgres are away.
 */
import { createHash } from 'node:crypto';
import type Koa from 'koa';
import type { EngineInstance } from './live-engine.ts';

const paths: ReadonlySet<string> = new Set([
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/oauth2/jwks',
]);

export function isPublicDocument(ctx: Koa.Context): boolean {
  return (ctx.method === 'GET' || ctx.method === 'HEAD') && paths.has(ctx.path);
}

/**
 * Serves the document that the engine made once for this instance.
 * @param maxAgeSeconds how long clients may keep it; a signing key is published at least that long before it signs
 */
export async function servePublicDocument(
  ctx: Koa.Context,
  instance: EngineInstance,
  maxAgeSeconds: number,
): Promise<void> {
  let document = instance.documents.get(ctx.path);
  if (document === undefined) {
    await instance.middleware(ctx, async () => undefined);
    if (ctx.status !== 200) return;
    const text = typeof ctx.body === 'string' ? ctx.body : JSON.stringify(ctx.body);
    const etag = createHash('sha256').update(text).digest('base64url').slice(0, 22);
    document = { text, etag };
    instance.documents.set(ctx.path, document);
  }
  ctx.set('Access-Control-Allow-Origin', '*');
  ctx.set('Cross-Origin-Resource-Policy', 'cross-origin');
  ctx.set('Cache-Control', `public, max-age=${maxAgeSeconds}`);
  ctx.status = 200;
  ctx.body = document.text;
  ctx.type =
    ctx.path === '/oauth2/jwks'
      ? 'application/jwk-set+json; charset=utf-8'
      : 'application/json; charset=utf-8';
  ctx.etag = document.etag;
  if (ctx.fresh) ctx.status = 304;
}
