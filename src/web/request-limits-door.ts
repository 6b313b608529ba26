/** Counts requests by caller before anything costly happens, on paths that the wiring names. */
import type Koa from 'koa';
import type { Limits } from '../config/limits.ts';
import { WebFault } from './problem.ts';

export type TakeOutcome =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait'; readonly retryAfterSeconds: number };

export interface LimitRule {
  /** The path begins with this, or is it when it ends in '$'. The first rule that fits counts. */
  readonly path: string;
  readonly limit: keyof Limits;
}

export interface LimitDoorOptions {
  readonly rules: readonly LimitRule[];
  /** throttle/request-limits.ts */
  readonly take: (limit: keyof Limits, key: string) => TakeOutcome | Promise<TakeOutcome>;
  /** throttle/networks.ts: an IPv6 caller is its /64. */
  readonly networkOf: (address: string) => string;
}

/** Throws WebFault 429 with Retry-After (RFC 6585 section 4). */
export function createLimitDoor({ rules, take, networkOf }: LimitDoorOptions): Koa.Middleware {
  const judged = rules.map(({ path, limit }) => {
    const whole = path.endsWith('$');
    const text = whole ? path.slice(0, -1) : path;
    return { limit, fits: (asked: string) => (whole ? asked === text : asked.startsWith(text)) };
  });
  return async (ctx, next) => {
    const rule = judged.find(({ fits }) => fits(ctx.path));
    if (rule) {
      const outcome = await take(rule.limit, networkOf(ctx.ip));
      if (outcome.kind === 'wait') {
        const detail = 'There were too many requests from your network. Wait a moment, then try again.';
        throw new WebFault({ status: 429, detail, retryAfterSeconds: outcome.retryAfterSeconds });
      }
    }
    return next();
  };
}
