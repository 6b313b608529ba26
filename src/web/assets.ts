/** Style, scripts and pictures of our pages: read once, named by their content, served from memory. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type Koa from 'koa';
import { WebFault } from './problem.ts';

export interface Assets {
  /** 'cardea.css' → '/assets/cardea-1f2e3d4c5b6a.css', below the issuer's path. Throws for a name that is not there. */
  url(name: string): string;
  /** Serves `/assets/…`; calls on for any other path. Throws WebFault 404 and 405. */
  readonly door: Koa.Middleware;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

interface Asset {
  readonly bytes: Buffer;
  readonly type: string;
  readonly etag: string;
}

/** Reads every file of a flat folder. @param base the issuer's path, '' when none. @param more bytes by name */
export function loadAssets({
  dir,
  base = '',
  more = new Map(),
}: {
  dir: string;
  base?: string;
  more?: ReadonlyMap<string, Buffer>;
}): Assets {
  const byPath = new Map<string, Asset>();
  const urls = new Map<string, string>();
  const files = [...readdirSync(dir).map((name) => [name, undefined] as const), ...more];
  for (const [name, given] of files) {
    const extension = extname(name);
    const type = TYPES[extension];
    if (type === undefined) continue;
    const bytes = given ?? readFileSync(join(dir, name));
    // 60 bits: names must differ, not withstand an attacker who already writes our files.
    const hash = createHash('sha256').update(bytes).digest('base64url').replace(/[-_]/g, '').slice(0, 10);
    const path = `/assets/${name.slice(0, -extension.length)}-${hash}${extension}`;
    byPath.set(path, { bytes, type, etag: `"${hash}"` });
    urls.set(name, base + path);
  }

  const door: Koa.Middleware = (ctx, next) => {
    if (!ctx.path.startsWith('/assets/')) return next();
    const asset = byPath.get(ctx.path);
    if (!asset) throw new WebFault({ status: 404, detail: 'There is nothing at this address.' });
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      throw new WebFault({ status: 405, detail: 'This can only be read.', allow: ['GET', 'HEAD'] });
    }
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable');
    ctx.set('ETag', asset.etag);
    ctx.status = 200;
    if (ctx.fresh) {
      ctx.status = 304;
      return undefined;
    }
    ctx.type = asset.type;
    ctx.body = asset.bytes;
    return undefined;
  };

  return {
    url(name) {
      const url = urls.get(name);
      if (url === undefined) throw new RangeError(`There is no asset ${name}.`);
      return url;
    },
    door,
  };
}
