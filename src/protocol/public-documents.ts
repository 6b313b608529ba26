/**
 * Discovery (OpenID Connect Discovery section 4, RFC 8414 section 3) and JWKS from memory: no store is asked, so they go
 * on while Redis and Postgres are away.
 */
import { createHash } from 'node:crypto';
import type Koa from 'koa';
import type { EngineInstance, PublicDocument } from './live-engine.ts';

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
  const document = instance.documents.get(ctx.path) ?? (await makeDocument(ctx, instance, maxAgeSeconds));
  if (!document) return;
  // Straight to Node: Koa asks for each header whether they have been sent already.
  for (const [name, value] of document.headers) ctx.res.setHeader(name, value);
  ctx.status = 200;
  ctx.body = document.body;
  if (ctx.fresh) ctx.status = 304;
}

async function makeDocument(
  ctx: Koa.Context,
  instance: EngineInstance,
  maxAgeSeconds: number,
): Promise<PublicDocument | undefined> {
  await instance.middleware(ctx, async () => undefined);
  if (ctx.status !== 200) return undefined;
  const text = typeof ctx.body === 'string' ? ctx.body : JSON.stringify(ctx.body);
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  const type = ctx.path === '/oauth2/jwks' ? 'application/jwk-set+json' : 'application/json';
  const document: PublicDocument = {
    body: text,
    headers: [
      ['Access-Control-Allow-Origin', '*'],
      ['Cross-Origin-Resource-Policy', 'cross-origin'],
      ['Cache-Control', `public, max-age=${maxAgeSeconds}`],
      ['Content-Type', `${type}; charset=utf-8`],
      ['ETag', etag],
    ],
  };
  instance.documents.set(ctx.path, document);
  return document;
}
