/** Faults that are answered over HTTP, and their two machine-readable shapes. */
import type Koa from 'koa';

export interface WebFaultOptions {
  readonly status: number;
  /** One sentence for whoever sent the request. Never a secret, a path or a stack. */
  readonly detail: string;
  /** Sent as `Retry-After` (RFC 9110 section 10.2.3). */
  readonly retryAfterSeconds?: number;
  /** Sent as `Allow` (RFC 9110 section 10.2.1). */
  readonly allow?: readonly string[];
  /** An OAuth error code; by default one that fits the status. */
  readonly error?: string;
}

/** A refusal by a door of `web/` or a page: the error door (error-door.ts) turns it into an answer. */
export class WebFault extends Error {
  override readonly name = 'WebFault';
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly allow: readonly string[];
  readonly error: string;

  constructor(o: WebFaultOptions) {
    super(o.detail);
    this.status = o.status;
    this.retryAfterSeconds = o.retryAfterSeconds;
    this.allow = o.allow ?? [];
    this.error = o.error ?? oauthError(o.status);
  }
}

/** RFC 9457 section 3. Extension members (`reference`) stand beside the five of the RFC. */
export interface Problem {
  readonly type?: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly reference?: string;
  readonly [extension: string]: unknown;
}

/** Answers with `application/problem+json`; never cached. */
export function sendProblem(ctx: Koa.Context, problem: Problem): void {
  ctx.status = problem.status;
  ctx.set('Cache-Control', 'no-store');
  ctx.body = JSON.stringify({ type: 'about:blank', ...problem });
  ctx.type = 'application/problem+json';
}

/** Answers in the shape of RFC 6749 section 5.2, with our `reference` beside it; never cached. */
export function sendOAuthError(
  ctx: Koa.Context,
  o: { status: number; error: string; description: string; reference?: string | undefined },
): void {
  ctx.status = o.status;
  ctx.set('Cache-Control', 'no-store');
  ctx.body = JSON.stringify({ error: o.error, error_description: o.description, reference: o.reference });
  ctx.type = 'application/json';
}

/** RFC 6749 section 4.1.2.1 and 5.2: codes that a client library knows. */
function oauthError(status: number): string {
  if (status === 503 || status === 429) return 'temporarily_unavailable';
  if (status >= 500) return 'server_error';
  return 'invalid_request';
}
