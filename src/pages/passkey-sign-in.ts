/** Signing in by passkey on the sign-in page: what the browser is asked for, and what its answer leads to. */
import type Koa from 'koa';
import type { Csrf } from '../web/csrf.ts';
import type { FormFields } from '../web/forms.ts';
import { WebFault } from '../web/problem.ts';
import { requestIdOf } from '../web/request-id.ts';
import type { FrontDoor, PasskeyFront, Visit } from './front-door.ts';
import { noteOtherDevice } from './passkey-offer.ts';
import type { Route } from './routes.ts';
import type { SignInPage } from './sign-in.ts';
import { offersWay } from './upstream-begin.ts';
import { passkeyPurpose } from './visit-address.ts';

export interface PasskeySignInPage {
  /**
   * GET /interaction/:uid/passkey-options. Changes nothing, names nobody: the same for every address, so that nothing is
   * learnt of any. @throws WebFault 410 when the visit is over, or another browser's; 403 where the app takes no passkeys
   */
  options(ctx: Koa.Context): Promise<void>;
  /** POST /interaction/:uid/passkey */
  submit(ctx: Koa.Context, visit: Visit, fields: FormFields): Promise<void>;
}

export function optionsRoute({ options }: Pick<PasskeySignInPage, 'options'>): Route {
  return { method: 'GET', path: '/interaction/:uid/passkey-options', handle: options };
}

export function createPasskeySignIn(o: {
  front: Pick<FrontDoor, 'protocol' | 'networkOf' | 'browserOf'>;
  passkeys: PasskeyFront;
  signIn: Pick<SignInPage, 'show'>;
  csrf: Csrf;
}): PasskeySignInPage {
  const { front, passkeys, csrf } = o;
  const boundTo = (ctx: Koa.Context, visit: Visit) => csrf.issue(ctx, passkeyPurpose(visit.uid));

  return {
    async options(ctx) {
      const visit = await front.protocol.visit(ctx);
      if (!visit) throw new WebFault({ status: 410, detail: 'This sign-in is over.' });
      if (!offersWay(visit, 'passkey')) {
        throw new WebFault({ status: 403, detail: 'This app takes another way of signing in.' });
      }
      ctx.set('Cache-Control', 'no-store');
      ctx.body = JSON.stringify(await passkeys.signingIn.options(boundTo(ctx, visit)));
      ctx.type = 'application/json';
    },
    async submit(ctx, visit, fields) {
      const remember = fields.remember === 'yes';
      // This app wants its people to come another way; its page shows no button.
      if (!offersWay(visit, 'passkey')) {
        return o.signIn.show(ctx, visit, { status: 422, notice: 'upstream.absent', remember });
      }
      const outcome = await passkeys.signingIn.signIn({
        bound: boundTo(ctx, visit),
        response: fields.credential ?? '',
        network: front.networkOf(ctx.ip),
        requestId: requestIdOf(ctx),
        browser: () => front.browserOf(ctx.get('User-Agent')),
      });
      switch (outcome.kind) {
        case 'signed-in': {
          const { account, amr, at } = outcome;
          if (outcome.fromAnotherDevice) noteOtherDevice(ctx);
          return front.protocol.finishSignIn(ctx, visit, { accountId: account.id, amr, at, remember });
        }
        case 'stale':
          return o.signIn.show(ctx, visit, { status: 422, notice: 'passkey.stale', remember });
        case 'rejected':
          return o.signIn.show(ctx, visit, {
            status: 422,
            notice: 'passkey.rejected',
            unknownPasskey: outcome.unknown,
            remember,
          });
        case 'locked':
          return o.signIn.show(ctx, visit, {
            status: 429,
            notice: 'passkey.locked',
            waitSeconds: outcome.retryAfterSeconds,
            remember,
          });
      }
    },
  };
}
