/**
 * Signing in by a mailed code, inside a visit: the sign-in page's second button asks for it, and from then on that page
 * shows the field for the code, in this browser alone. A cookie of the visit's path remembers what was typed; which code
 * is right is decided by what is stored for the visit, and by nothing that the browser sends.
 */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import type { PageLanguages } from '../web/languages.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { requestIdOf } from '../web/request-id.ts';
import { clientView, formTargetsOf, imagesOf } from './display.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import type { Action } from './interaction.ts';
import { knownDevice } from './known-browsers.ts';
import type { SignInCodeFront } from './mailed-front.ts';
import type { SignInPage } from './sign-in.ts';
import { offersWay, type UpstreamBegin } from './upstream-begin.ts';
import { visitPath, visitPurpose } from './visit-address.ts';
import { waitText } from './wait-text.ts';
import type { WayBack } from './way-back.ts';

export interface SignInCodePage {
  /** The sign-in page, or this one where a code is waited for. */
  readonly page: SignInPage;
  readonly actions: readonly Action[];
}

interface Waiting {
  readonly email: string;
  readonly remember: boolean;
}

interface Again {
  readonly status: number;
  readonly notice?: string | undefined;
  readonly waitSeconds?: number;
  readonly fault?: string;
  readonly remember?: boolean;
}

/** What a client calls it that names its ways of signing in. */
const WAY = 'code';
const COOKIE = 'code';
/** A code lives for minutes; afterwards the sign-in page is the better one. */
const KEPT_SECONDS = 900;
const MAX_EMAIL = 254;

export function createSignInCodePage(o: {
  codes: SignInCodeFront;
  signIn: SignInPage;
  elsewhere: UpstreamBegin;
  front: Pick<FrontDoor, 'protocol' | 'networkOf' | 'deviceCookies'>;
  cookies: Cookies;
  csrf: Csrf;
  base: string;
  languages: Pick<PageLanguages, 'of'>;
  wayBack: Pick<WayBack, 'explain'>;
  sendPage: SendPage;
}): SignInCodePage {
  const { codes, signIn, elsewhere, front, cookies, csrf, base, sendPage } = o;

  const waitingOf = (ctx: Koa.Context, { uid }: Visit): Waiting | undefined => {
    const value = cookies.read(ctx, COOKIE, visitPath(uid));
    if (value === undefined || !/^[01][A-Za-z0-9_-]{1,1400}$/.test(value)) return undefined;
    const email = Buffer.from(value.slice(1), 'base64url').toString().slice(0, MAX_EMAIL);
    return { email, remember: value.startsWith('1') };
  };

  const show = (ctx: Koa.Context, visit: Visit, waiting: Waiting, again: Again = { status: 200 }): void =>
    sendPage(ctx, 'sign-in-code', {
      status: again.status,
      retryAfterSeconds: again.waitSeconds,
      data: {
        client: clientView(visit.client),
        email: waiting.email,
        action: base + visitPath(visit.uid),
        otherUrl: `${base}${visitPath(visit.uid)}?way=other`,
        csrf: csrf.issue(ctx, visitPurpose(visit.uid)),
        remember: again.remember ?? waiting.remember,
        notice: again.notice,
        wait: again.waitSeconds === undefined ? undefined : waitText(again.waitSeconds),
        faults: again.fault === undefined ? {} : { code: again.fault },
      },
      policy: {
        formTargets: formTargetsOf(visit.client, visit.redirectOrigin),
        images: imagesOf(visit.client),
      },
    });

  const send: Action = {
    name: 'send-code',
    at: ['sign-in'],
    async submit(ctx, visit, fields) {
      const email = (fields.email ?? '').trim();
      const remember = fields.remember === 'yes';
      const again = (fault: string) =>
        signIn.show(ctx, visit, { status: 422, email, remember, faults: { email: fault } });
      if (email === '') return again('signIn.emailMissing');
      // As with a password: by the domain alone, whether there is such an account or not.
      const home = await elsewhere.providerFor(visit, email);
      const stays = home
        ? await elsewhere.begin(ctx, visit, home.id, email)
        : offersWay(visit, WAY)
          ? undefined
          : { status: 422, notice: 'upstream.absent' };
      if (stays) return signIn.show(ctx, visit, { ...stays, email, remember });
      if (home) return;
      const asked =
        email.length <= MAX_EMAIL &&
        (await codes.ask({
          visit: visit.uid,
          email,
          app: visit.client.name,
          network: front.networkOf(ctx.ip),
          locale: o.languages.of(ctx),
          device: knownDevice(ctx, cookies, front.deviceCookies),
        })) === 'asked';
      if (!asked) return again('form.emailFault');
      const value = (remember ? '1' : '0') + Buffer.from(email).toString('base64url');
      cookies.set(ctx, COOKIE, value, { path: visitPath(visit.uid), maxAgeSeconds: KEPT_SECONDS });
      return seeOther(ctx, base + visitPath(visit.uid));
    },
  };

  const type: Action = {
    name: 'code',
    at: ['sign-in'],
    async submit(ctx, visit, fields) {
      const waiting = waitingOf(ctx, visit);
      // Nothing was asked for here.
      if (!waiting || !offersWay(visit, WAY)) {
        return o.wayBack.explain(ctx, visit.uid, 403, { currentPage: true });
      }
      const code = (fields.code ?? '').trim();
      const remember = fields.remember === 'yes';
      if (code === '') return show(ctx, visit, waiting, { status: 422, fault: 'code.missing', remember });
      const outcome = await codes.redeem({
        visit: visit.uid,
        code,
        network: front.networkOf(ctx.ip),
        requestId: requestIdOf(ctx),
      });
      switch (outcome.kind) {
        case 'signed-in': {
          const { account, amr, at } = outcome;
          cookies.clear(ctx, COOKIE, visitPath(visit.uid));
          return front.protocol.finishSignIn(ctx, visit, { accountId: account.id, amr, at, remember });
        }
        case 'wrong':
          return show(ctx, visit, waiting, { status: 422, fault: 'code.wrong', remember });
        case 'wait':
          return show(ctx, visit, waiting, {
            status: 429,
            notice: 'code.tooMany',
            waitSeconds: outcome.retryAfterSeconds,
            remember,
          });
      }
    },
  };

  return {
    page: {
      submit: signIn.submit,
      async show(ctx, visit, again) {
        const waiting = waitingOf(ctx, visit);
        const wantsIt = again === undefined ? ctx.query.way !== 'other' : ctx.path.endsWith('/code');
        if (!waiting || !wantsIt) return signIn.show(ctx, visit, again);
        return show(ctx, visit, waiting, again && { status: again.status, notice: again.notice });
      },
    },
    actions: [send, type],
  };
}
