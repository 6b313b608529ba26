/**
 * Choosing a new password. The page that asks for the address answers every address alike; the proof is what was mailed
 * to it: a link, or the code, which can be typed here, in any browser. What follows is the same page for both.
 */
import type Koa from 'koa';
import type { Fault } from '../accounts/fault.ts';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import type { ReadSubmitted } from '../web/form-guard.ts';
import type { FormFields } from '../web/forms.ts';
import type { PageLanguages } from '../web/languages.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { requestIdOf } from '../web/request-id.ts';
import type { FrontDoor } from './front-door.ts';
import { knownDevice } from './known-browsers.ts';
import type { LinkPage, OpenLink } from './link.ts';
import type { ResetFront } from './mailed-front.ts';
import { createResetElsewhere } from './reset-elsewhere.ts';
import type { Route } from './routes.ts';
import { keepAddress, keptAddress } from './typed-address.ts';
import { visitPath } from './visit-address.ts';
import { waitText } from './wait-text.ts';

export interface ResetPages {
  readonly routes: readonly Route[];
  /** The page of the link. */
  readonly link: LinkPage;
}

export const RESET_PATH = '/reset';
const CODE_PATH = `${RESET_PATH}/code`;
const PURPOSE = 'reset';
/** Which sign-in the person left for this, so that it can go on afterwards. It opens nothing that the browser has not. */
const VISIT_COOKIE = 'left';
const VISIT_SECONDS = 3600;
const UID = /^[A-Za-z0-9_-]{16,128}$/;
const MAX_EMAIL = 254;
const UNUSABLE = { key: 'passwordFault.unusable' } as const;

export function createResetPages(o: {
  reset: ResetFront;
  front: Pick<FrontDoor, 'networkOf' | 'deviceCookies' | 'passwordMinLength' | 'signInUrl' | 'upstream'>;
  cookies: Cookies;
  csrf: Csrf;
  base: string;
  readSubmitted: ReadSubmitted;
  sendPage: SendPage;
  languages: Pick<PageLanguages, 'of' | 'textsFor'>;
  /** Goes on to the page of a link. */
  openLink: (ctx: Koa.Context, token: string) => void;
}): ResetPages {
  const { reset, front, cookies, csrf, base, sendPage } = o;

  const leftFor = (ctx: Koa.Context): string | undefined => {
    const left = cookies.read(ctx, VISIT_COOKIE);
    return left !== undefined && UID.test(left) ? base + visitPath(left) : undefined;
  };
  const elsewhere = createResetElsewhere({ front, base, sendPage, leftFor });

  const askPage = (
    ctx: Koa.Context,
    again: { status: number; email?: string; notice?: string; fault?: string } = { status: 200 },
    fields?: FormFields,
  ): void =>
    sendPage(ctx, 'reset', {
      status: again.status,
      data: {
        action: base + RESET_PATH,
        codeUrl: base + CODE_PATH,
        own: elsewhere.own(ctx, fields),
        csrf: csrf.issue(ctx, PURPOSE),
        email: (again.email ?? keptAddress(ctx, cookies, RESET_PATH) ?? '').slice(0, MAX_EMAIL),
        notice: again.notice,
        faults: again.fault === undefined ? {} : { email: again.fault },
      },
    });

  const codePage = (
    ctx: Koa.Context,
    again: {
      status: number;
      email?: string;
      notice?: string;
      waitSeconds?: number;
      faults?: Readonly<Record<string, string>>;
    } = { status: 200 },
  ): void => {
    const kept = keptAddress(ctx, cookies, RESET_PATH);
    sendPage(ctx, 'reset-code', {
      status: again.status,
      retryAfterSeconds: again.waitSeconds,
      data: {
        action: base + CODE_PATH,
        askUrl: base + RESET_PATH,
        csrf: csrf.issue(ctx, PURPOSE),
        asked: kept !== undefined && (again.email === undefined || again.email === kept),
        email: (again.email ?? kept ?? '').slice(0, MAX_EMAIL),
        notice: again.notice,
        wait: again.waitSeconds === undefined ? undefined : waitText(again.waitSeconds),
        faults: again.faults ?? {},
      },
    });
  };

  const passwordPage = async (
    ctx: Koa.Context,
    link: OpenLink,
    again: { status: number; notice?: string; fault?: Fault['text']; waitSeconds?: number } = { status: 200 },
  ): Promise<void> => {
    const found = await reset.describe(link.token);
    sendPage(ctx, 'reset-password', {
      status: again.status,
      retryAfterSeconds: again.waitSeconds,
      data: {
        action: link.action,
        csrf: link.csrf,
        token: link.token,
        email: found?.email ?? '',
        minLength: front.passwordMinLength,
        notice: again.notice,
        wait: again.waitSeconds === undefined ? undefined : waitText(again.waitSeconds),
        faults: again.fault
          ? { password: o.languages.textsFor(ctx).t(again.fault.key, again.fault.values) }
          : {},
      },
    });
  };

  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: RESET_PATH,
      handle(ctx) {
        const { visit } = ctx.query;
        if (typeof visit === 'string' && UID.test(visit)) {
          cookies.set(ctx, VISIT_COOKIE, visit, { maxAgeSeconds: VISIT_SECONDS });
        }
        return askPage(ctx);
      },
    },
    {
      method: 'POST',
      path: RESET_PATH,
      async handle(ctx) {
        const { fields, isFresh } = await o.readSubmitted(ctx);
        const email = (fields.email ?? '').trim();
        if (!isFresh(PURPOSE)) return askPage(ctx, { status: 403, email, notice: 'form.outdated' }, fields);
        if (email === '') return askPage(ctx, { status: 422, email, fault: 'signIn.emailMissing' }, fields);
        if (await elsewhere.answer(ctx, fields, email)) return;
        const from = {
          network: front.networkOf(ctx.ip),
          requestId: requestIdOf(ctx),
          locale: o.languages.of(ctx),
          device: knownDevice(ctx, cookies, front.deviceCookies),
        };
        if (email.length > MAX_EMAIL || (await reset.ask({ email, ...from })) === 'no-address') {
          return askPage(ctx, { status: 422, email, fault: 'form.emailFault' }, fields);
        }
        keepAddress(ctx, cookies, RESET_PATH, email);
        return seeOther(ctx, base + CODE_PATH);
      },
    },
    { method: 'GET', path: CODE_PATH, handle: (ctx) => codePage(ctx) },
    {
      method: 'POST',
      path: CODE_PATH,
      async handle(ctx) {
        const { fields, isFresh } = await o.readSubmitted(ctx);
        const email = (fields.email ?? '').trim();
        const code = (fields.code ?? '').trim();
        if (!isFresh(PURPOSE)) return codePage(ctx, { status: 403, email, notice: 'form.outdated' });
        const faults = {
          ...(email === '' && { email: 'signIn.emailMissing' }),
          ...(code === '' && { code: 'code.missing' }),
        };
        if (Object.keys(faults).length > 0) return codePage(ctx, { status: 422, email, faults });
        const outcome = await reset.redeemCode({ email, code, network: front.networkOf(ctx.ip) });
        switch (outcome.kind) {
          case 'open':
            return o.openLink(ctx, outcome.token);
          case 'wrong':
            return codePage(ctx, { status: 422, email, faults: { code: 'code.wrong' } });
          case 'wait':
            return codePage(ctx, {
              status: 429,
              email,
              notice: 'code.tooMany',
              waitSeconds: outcome.retryAfterSeconds,
            });
        }
      },
    },
  ];

  const link: LinkPage = {
    show: (ctx, open, again) => passwordPage(ctx, open, again),
    async submit(ctx, open, fields) {
      const password = fields.password ?? '';
      if (password === '') {
        await passwordPage(ctx, open, {
          status: 422,
          fault: { key: 'setup.passwordMissing' },
        });
        return 'answered';
      }
      const from = { network: front.networkOf(ctx.ip), requestId: requestIdOf(ctx) };
      const outcome = await reset.complete({ token: open.token, password, ...from });
      switch (outcome.kind) {
        case 'changed':
          return 'done';
        case 'gone':
          return 'gone';
        case 'fault':
          await passwordPage(ctx, open, { status: 422, fault: outcome.fault.text ?? UNUSABLE });
          return 'answered';
        case 'busy':
          await passwordPage(ctx, open, {
            status: 503,
            notice: 'signIn.busy',
            waitSeconds: outcome.retryAfterSeconds,
          });
          return 'answered';
      }
    },
    done(ctx) {
      const signInUrl = leftFor(ctx) ?? front.signInUrl;
      sendPage(ctx, 'reset-done', { data: { signInUrl, home: `${base}/` } });
    },
  };

  return { routes, link };
}
