/** The POSTs by which people sign in with others, and the end at which what they proved is linked. */
import type Koa from 'koa';
import { BROWSER, HANDLE_COOKIE } from '../upstream/provider.ts';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import { requestIdOf } from '../web/request-id.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import type { Action } from './interaction.ts';
import type { SignInPage } from './sign-in.ts';
import type { UpstreamBegin } from './upstream-begin.ts';
import type { UpstreamSteps } from './upstream-steps.ts';
import { visitPath } from './visit-address.ts';
import type { WayBack } from './way-back.ts';

export function upstreamActions(o: {
  elsewhere: UpstreamBegin;
  steps: UpstreamSteps;
  signIn: Pick<SignInPage, 'show'>;
  wayBack: Pick<WayBack, 'explain'>;
}): readonly Action[] {
  const outOfOrder = (ctx: Koa.Context, { uid }: Visit) =>
    o.wayBack.explain(ctx, uid, 403, { currentPage: true });
  return [
    {
      name: 'with',
      at: ['sign-in'],
      async submit(ctx, visit, fields) {
        const stays = await o.elsewhere.begin(ctx, visit, fields.provider ?? '');
        return stays && o.signIn.show(ctx, visit, stays);
      },
    },
    {
      name: 'connect',
      at: ['sign-in'],
      async submit(ctx, visit, fields) {
        if (!(await o.steps.submit(ctx, visit, fields))) return outOfOrder(ctx, visit);
      },
    },
  ];
}

/**
 * The front door whose sign-in, once it is wholly done, links what was proved on the way: a password alone adds no other
 * way into an account that asks for a second factor too (THREATS S19). Costs nothing in a browser that did not come back
 * from a provider.
 */
export function linkingAtTheEnd(o: { front: FrontDoor; cookies: Cookies; csrf: Csrf }): FrontDoor {
  const { front, cookies, csrf } = o;
  const { protocol, upstream } = front;
  return {
    ...front,
    protocol: {
      ...protocol,
      async finishSignIn(ctx, visit, signIn) {
        const handle = cookies.read(ctx, HANDLE_COOKIE, visitPath(visit.uid));
        if (handle !== undefined) {
          const held = { handle, browser: csrf.issue(ctx, BROWSER) };
          const from = { network: front.networkOf(ctx.ip), requestId: requestIdOf(ctx) };
          await upstream.complete(held, visit.uid, signIn, from);
          cookies.clear(ctx, HANDLE_COOKIE, visitPath(visit.uid));
        }
        return protocol.finishSignIn(ctx, visit, signIn);
      },
    },
  };
}
