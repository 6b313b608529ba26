/** One line a request: method, path, status, time. Never a query value, header value, cookie or body. */

import type Koa from 'koa';
import type { Clock } from '../config/clock.ts';
import { requestIdOf } from './request-id.ts';

/** The part of a Log (observability/log.ts) that is used here. */
export interface AccessLogSink {
  info(message: string, fields?: Record<string, unknown>): void;
}

export interface AccessLogOptions {
  readonly log: AccessLogSink;
  readonly clock: Clock;
  /** Told of every answer: for metrics, whose labels must stay few. */
  readonly observe?: (o: { method: string; route: string; status: number; seconds: number }) => void;
}

/**
 * Paths whose last part is a secret or a handle of one person: the log has their kind alone. Anywhere in the path: a
 * request that is refused for its Host still carries the issuer's own path in front.
 */
const MASKED: readonly (readonly [RegExp, string])[] = [
  [/\/setup\/[^/]+/i, '/setup/…'],
  [/\/link\/[^/]+/i, '/link/…'],
  [/\/interaction\/[^/]+/i, '/interaction/…'],
  [/\/oauth2\/authorize\/[^/]+/i, '/oauth2/authorize/…'],
  [/\/oauth2\/register\/[^/]+/i, '/oauth2/register/…'],
];

/** One look that settles it for nearly all requests. Anywhere: a refused request still has the issuer's path before it. */
const MAYBE_MASKED = /\/(?:setup|link|interaction|authorize|register)\//i;

/** Paths are cut here: a longer one is nobody's address. */
const MAX_PATH = 200;

/** Health probes are not logged: they would be most of the log. */
export function createAccessLog({ log, clock, observe }: AccessLogOptions): Koa.Middleware {
  return async (ctx, next) => {
    const startedAt = clock.now();
    try {
      await next();
    } finally {
      const route = loggedPath(ctx.path);
      const ms = clock.now() - startedAt;
      observe?.({ method: ctx.method, route, status: ctx.status, seconds: ms / 1000 });
      if (!ctx.path.startsWith('/health/')) {
        log.info('request', {
          requestId: requestIdOf(ctx),
          method: ctx.method.slice(0, 16),
          path: route,
          status: ctx.status,
          ms,
          address: ctx.ip,
        });
      }
    }
  };
}

/** The path as it may be written down. */
export function loggedPath(path: string): string {
  if (!MAYBE_MASKED.test(path)) return path.slice(0, MAX_PATH);
  const masked = MASKED.reduce((text, [pattern, kind]) => text.replace(pattern, kind), path);
  return masked.slice(0, MAX_PATH);
}
