/** Whatever is thrown behind this door becomes an answer: a plain page or JSON, with a reference and nothing inside. */
import type Koa from 'koa';
import { StorageUnavailable } from '../storage/unavailable.ts';
import { sendOAuthError, sendProblem, WebFault } from './problem.ts';
import { requestIdOf } from './request-id.ts';
import { pagePolicy } from './security-headers.ts';

/** What an error page or answer tells. */
export interface ErrorView {
  readonly status: number;
  /** One sentence for whoever sent the request. */
  readonly detail: string;
  readonly reference: string;
  readonly retryAfterSeconds?: number | undefined;
}

export interface ErrorDoorOptions {
  readonly log: { error(message: string, fields?: Record<string, unknown>): void };
  readonly renderError: (ctx: Koa.Context, view: ErrorView) => string;
  /** Records a refusal and gives its reference; by default the request's id is the reference. */
  readonly reference?: (ctx: Koa.Context, fault: { status: number; error: string; detail: string }) => string;
}

/** Machines talk to these: the OAuth shape unless a person's browser asks for a page. */
const OAUTH_PATH = /^\/(?:oauth2|\.well-known)\//;

export function createErrorDoor({ log, renderError, reference }: ErrorDoorOptions): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (nobodyAnswered(ctx))
        throw new WebFault({ status: 404, detail: 'There is nothing at this address.' });
    } catch (thrown) {
      const fault = faultOf(thrown);
      if (fault.status >= 500 && fault.status !== 503) {
        log.error('request failed', { requestId: requestIdOf(ctx), err: thrown });
      }
      const about = { status: fault.status, error: fault.error, detail: fault.message };
      answer(ctx, fault, reference?.(ctx, about) ?? requestIdOf(ctx), renderError);
    }
  };
}

/** Koa's untouched context: 404 without a body. */
function nobodyAnswered(ctx: Koa.Context): boolean {
  return (
    ctx.status === 404 &&
    (ctx.body === undefined || ctx.body === null) &&
    ctx.respond !== false &&
    !ctx.headerSent
  );
}

/** @returns the fault itself, a 503 for a store that does not answer, a 4xx that Koa raised, else a bare 500. */
function faultOf(thrown: unknown): WebFault {
  if (thrown instanceof WebFault) return thrown;
  if (thrown instanceof StorageUnavailable) {
    const detail = 'Cardea cannot reach its storage right now. Nothing was changed; try again shortly.';
    return new WebFault({ status: 503, detail, retryAfterSeconds: thrown.retryAfterSeconds });
  }
  const status = thrown instanceof Error && 'status' in thrown ? thrown.status : undefined;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new WebFault({ status, detail: 'The request could not be read.' });
  }
  return new WebFault({ status: 500, detail: 'Something went wrong on our side. Try again in a moment.' });
}

function answer(
  ctx: Koa.Context,
  fault: WebFault,
  reference: string,
  renderError: ErrorDoorOptions['renderError'],
): void {
  if (ctx.headerSent || !ctx.writable) return;
  ctx.remove('ETag');
  ctx.remove('Last-Modified');
  if (fault.retryAfterSeconds !== undefined)
    ctx.set('Retry-After', String(Math.ceil(fault.retryAfterSeconds)));
  if (fault.allow.length > 0) ctx.set('Allow', fault.allow.join(', '));
  const { status, message: detail } = fault;
  if (ctx.accepts('json', 'html') === 'html') {
    pagePolicy(ctx);
    ctx.status = status;
    ctx.body = renderError(ctx, { status, detail, reference, retryAfterSeconds: fault.retryAfterSeconds });
    ctx.type = 'html';
  } else if (OAUTH_PATH.test(ctx.path)) {
    sendOAuthError(ctx, { status, error: fault.error, description: detail, reference });
  } else {
    sendProblem(ctx, { status, title: titleOf(status), detail, reference });
  }
}

function titleOf(status: number): string {
  if (status >= 500) return status === 503 ? 'Unavailable' : 'Server error';
  return status === 429 ? 'Too many requests' : 'Refused';
}
