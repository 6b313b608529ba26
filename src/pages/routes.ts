/** The addresses of the hosted pages, in one table. */
import type Koa from 'koa';
import { WebFault } from '../web/problem.ts';

type Handler = (ctx: Koa.Context, part: string) => Promise<void> | void;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** A whole path; ':uid', ':token' and ':provider' stand for one part. */
  readonly path: string;
  readonly handle: Handler;
}

/** What a uid or token may look like; anything else is no address of ours, and costs no look-up. */
const PART = '([A-Za-z0-9_-]{16,128})';
/** The short name of a provider (upstream/provider-rules.ts). */
const PROVIDER = '([a-z][a-z0-9-]{0,31})';

/** Serves the routes; calls on for any other path. Throws WebFault 405 for a path of ours with another method. */
export function createRoutesDoor(routes: readonly Route[]): Koa.Middleware {
  const table = routes.map((route) => ({
    ...route,
    pattern: new RegExp(`^${route.path.replace(':provider', PROVIDER).replace(/:\w+/, PART)}$`),
  }));
  return async (ctx, next) => {
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
    const allow = new Set<string>();
    for (const route of table) {
      const match = route.pattern.exec(ctx.path);
      if (!match) continue;
      if (route.method === method) return route.handle(ctx, match[1] ?? '');
      allow.add(route.method);
    }
    if (allow.size === 0) return next();
    throw new WebFault({ status: 405, detail: 'This address does not do that.', allow: [...allow] });
  };
}

/** The last door: nothing answered. */
export const notFound: Koa.Middleware = () => {
  throw new WebFault({ status: 404, detail: 'There is nothing at this address.' });
};
