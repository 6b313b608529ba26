/**
 * Where providers send people back to. A cross-site POST brings none of our cookies: its answer is kept sealed, and the
 * GET that follows brings them. That one ends in a page, which goes on by itself: the provider's own `form-action` holds
 * for every redirect that follows its form, and it does not know the app that waits. What came of it goes on under a cookie that only the address of its visit sees.
 */
import type Koa from 'koa';
import { BROWSER, HANDLE_COOKIE, PORTAL_RETURN } from '../upstream/provider.ts';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import { readForm } from '../web/forms.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { requestIdOf } from '../web/request-id.ts';
import type { FrontDoor } from './front-door.ts';
import type { Route } from './routes.ts';
import { visitPath } from './visit-address.ts';

/** As long as what it leads to is kept (upstream/attempts.ts). */
const KEPT_SECONDS = 900;

export function upstreamCallbackRoutes(o: {
  front: Pick<FrontDoor, 'upstream' | 'networkOf'>;
  cookies: Cookies;
  csrf: Csrf;
  base: string;
  sendPage: SendPage;
}): readonly Route[] {
  const { front, cookies, csrf, base, sendPage } = o;
  const { upstream } = front;
  const path = '/upstream/callback/:provider';

  /** One answer for whatever does not wait in this browser. */
  const gone = (ctx: Koa.Context): void =>
    sendPage(ctx, 'upstream-gone', { status: 403, data: { home: `${base}/` } });

  return [
    {
      method: 'GET',
      path,
      async handle(ctx, providerId) {
        // Whoever looks before a person does uses nothing up.
        if (ctx.method === 'HEAD') return gone(ctx);
        const answer = new URLSearchParams(ctx.querystring);
        const handle = answer.get('answer');
        const isKept = handle !== null && !answer.has('state');
        const came = await upstream.receive(
          providerId,
          csrf.issue(ctx, BROWSER),
          isKept ? { handle } : { answer },
          { network: front.networkOf(ctx.ip), requestId: requestIdOf(ctx) },
        );
        if (came.kind === 'gone') return gone(ctx);
        const to = came.purpose.kind === 'sign-in' ? visitPath(came.purpose.uid) : PORTAL_RETURN;
        cookies.set(ctx, HANDLE_COOKIE, came.handle, { path: to, maxAgeSeconds: KEPT_SECONDS });
        if (!isKept) return seeOther(ctx, base + to);
        sendPage(ctx, 'upstream-back', { data: { url: base + to } });
        ctx.set('Refresh', `0;url=${base + to}`);
      },
    },
    {
      method: 'POST',
      path,
      async handle(ctx, providerId) {
        const fields = await readForm(ctx);
        const answer = new URLSearchParams();
        for (const [name, value] of Object.entries(fields)) answer.append(name, value ?? '');
        const handle = await upstream.keep(providerId, answer);
        if (handle === undefined) return gone(ctx);
        return seeOther(ctx, `${base}/upstream/callback/${providerId}?answer=${handle}`);
      },
    },
  ];
}
