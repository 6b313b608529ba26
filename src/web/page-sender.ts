/** One way to answer with a page: rendered, typed, uncached, under its own policy. */
import type Koa from 'koa';
import type { PageLanguages } from './languages.ts';
import type { RenderPage } from './render.ts';
import { type PagePolicy, pagePolicy } from './security-headers.ts';

export interface PageAnswer {
  readonly status?: number;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly policy?: PagePolicy;
  readonly retryAfterSeconds?: number | undefined;
}

export type SendPage = (ctx: Koa.Context, name: string, answer?: PageAnswer) => void;

/** The answer speaks the request's language (languages.ts), and where it can be asked for again, offers the others. */
export function createSendPage({
  renderPage,
  languages,
}: {
  renderPage: RenderPage;
  languages: Pick<PageLanguages, 'of'>;
}): SendPage {
  return (ctx, name, { status = 200, data = {}, policy, retryAfterSeconds } = {}) => {
    const here = ctx.method === 'GET' ? ctx.path + plainQuery(ctx.search) : undefined;
    const html = renderPage(name, { here, ...data }, languages.of(ctx));
    pagePolicy(ctx, policy);
    if (retryAfterSeconds !== undefined) ctx.set('Retry-After', String(Math.ceil(retryAfterSeconds)));
    ctx.status = status;
    ctx.type = 'html';
    ctx.body = html;
  };
}

/** Our own parameters are words and ids; what else somebody put into a link is not repeated on a page. */
function plainQuery(search: string): string {
  return /^\?[\w.=&-]{1,200}$/.test(search) ? search : '';
}

/** Answers 303: the next request is a GET whatever this one was (RFC 9110 section 15.4.4). */
export function seeOther(ctx: Koa.Context, location: string): void {
  ctx.status = 303;
  ctx.set('Location', location);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = '';
}
