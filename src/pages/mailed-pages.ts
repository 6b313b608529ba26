/** The pages of mailed links and codes, put together; none where there is no mail. */
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import type { ReadSubmitted } from '../web/form-guard.ts';
import type { PageLanguages } from '../web/languages.ts';
import type { SendPage } from '../web/page-sender.ts';
import { createConfirmLink } from './confirm-link.ts';
import type { FrontDoor } from './front-door.ts';
import { createLinkPages, type LinkPage } from './link.ts';
import type { ConfirmPurpose } from './mailed-front.ts';
import { createResetPages, RESET_PATH } from './reset.ts';
import type { Route } from './routes.ts';
import { createSignUpLink, invitationRoutes } from './sign-up-link.ts';

export function createMailedPages(o: {
  front: Pick<
    FrontDoor,
    'mailed' | 'signUp' | 'networkOf' | 'deviceCookies' | 'passwordMinLength' | 'signInUrl' | 'upstream'
  >;
  cookies: Cookies;
  csrf: Csrf;
  base: string;
  readSubmitted: ReadSubmitted;
  sendPage: SendPage;
  languages: Pick<PageLanguages, 'of' | 'textsFor'>;
}): { readonly routes: readonly Route[] } {
  const { mailed, networkOf } = o.front;
  if (!mailed) return { routes: [] };
  const { base, sendPage } = o;
  const pages: Partial<Record<string, LinkPage>> = {};
  for (const [purpose, link] of Object.entries(mailed.confirm)) {
    pages[purpose] = createConfirmLink({
      purpose: purpose as ConfirmPurpose,
      link,
      base,
      networkOf,
      sendPage,
    });
  }
  const reset = createResetPages({
    ...o,
    reset: mailed.reset,
    openLink: (ctx, token) => links.open(ctx, token),
  });
  pages['reset-password'] = reset.link;
  const links = createLinkPages({
    ...o,
    purposeOf: mailed.purposeOf,
    pages,
    askAgainUrl: base + RESET_PATH,
  });
  const { signUp } = o.front;
  if (signUp) pages['sign-up'] = pages.invitation = createSignUpLink({ ...o, signUp });
  const invitation = signUp ? invitationRoutes({ ...o, signUp, openLink: links.open }) : [];
  return { routes: [...links.routes, ...reset.routes, ...invitation] };
}
