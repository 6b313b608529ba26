/**
 * The page of a mailed link. Mail scanners, previews and browsers that read ahead follow links, so a GET or HEAD does
 * nothing but take the token out of the address into a cookie, where no history, log or referrer sees it; the page that
 * follows says what the link is for, and only its button spends it. It works in any browser: what needs the one that
 * began is typed there as a code.
 */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import type { ReadSubmitted } from '../web/form-guard.ts';
import type { FormFields } from '../web/forms.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import type { MailedFront } from './mailed-front.ts';
import type { Route } from './routes.ts';

/** A live link, and how its form is sent: fields `csrf` and `link` to `action`. */
export interface OpenLink {
  readonly token: string;
  readonly action: string;
  readonly csrf: string;
}

export interface LinkPage {
  /** Reads only. */
  show(ctx: Koa.Context, link: OpenLink, again?: { status: number; notice: string }): Promise<void>;
  /**
   * `done`, `done-removed`: it was spent, what follows is what `done` shows. `answered`: the page is shown again. `gone`: it
   * was dead.
   */
  submit(
    ctx: Koa.Context,
    link: OpenLink,
    fields: FormFields,
  ): Promise<'done' | 'done-removed' | 'answered' | 'gone'>;
  /** @param removed ways in were removed */
  done(ctx: Koa.Context, removed: boolean): Promise<void> | void;
}

export interface LinkPages {
  readonly routes: readonly Route[];
  /** Goes on to the page of a link that this browser has earned by its code. */
  open(ctx: Koa.Context, token: string): void;
}

const COOKIE = 'link';
export const LINK_PATH = '/link';
const PATH = LINK_PATH;
/** As long as the page may stay open in a browser that was closed and opened again; the link itself may end before. */
const KEPT_SECONDS = 3600;
const DONE = 'done.';
const REMOVED = 'removed.';

export function createLinkPages(o: {
  purposeOf: MailedFront['purposeOf'];
  /** By purpose. */
  pages: Readonly<Partial<Record<string, LinkPage>>>;
  /** Where a new mail is asked for; absent where there is nothing to ask for. */
  askAgainUrl: string | undefined;
  cookies: Cookies;
  csrf: Csrf;
  base: string;
  readSubmitted: ReadSubmitted;
  sendPage: SendPage;
}): LinkPages {
  const { pages, cookies, csrf, base, sendPage } = o;
  const address = base + PATH;

  const keep = (ctx: Koa.Context, value: string) => {
    cookies.set(ctx, COOKIE, value, { path: PATH, maxAgeSeconds: KEPT_SECONDS });
    seeOther(ctx, address);
  };
  const gone = (ctx: Koa.Context, status: number) =>
    sendPage(ctx, 'link-gone', { status, data: { askAgainUrl: o.askAgainUrl, home: `${base}/` } });
  // A cookie names it: `done.constructor` is no page.
  const pageFor = (purpose: string) => (Object.hasOwn(pages, purpose) ? pages[purpose] : undefined);
  const pageOf = async (token: string): Promise<[string, LinkPage] | undefined> => {
    const purpose = token === '' ? undefined : await o.purposeOf(token);
    const page = purpose === undefined ? undefined : pageFor(purpose);
    return purpose !== undefined && page ? [purpose, page] : undefined;
  };
  const linkOf = (ctx: Koa.Context, token: string): OpenLink => ({
    token,
    action: address,
    csrf: csrf.issue(ctx, COOKIE),
  });

  return {
    open: keep,
    routes: [
      { method: 'GET', path: `${PATH}/:token`, handle: keep },
      {
        method: 'GET',
        path: PATH,
        async handle(ctx) {
          const kept = cookies.read(ctx, COOKIE, PATH) ?? '';
          const [purpose, removed] = doneOf(kept);
          const done = pageFor(purpose);
          if (done) return done.done(ctx, removed);
          const found = await pageOf(kept);
          if (!found) return gone(ctx, 410);
          return found[1].show(ctx, linkOf(ctx, kept));
        },
      },
      {
        method: 'POST',
        path: PATH,
        async handle(ctx) {
          const form = await o.readSubmitted(ctx);
          // The form's own, so that two links open in two tabs are not taken for each other.
          const token = form.fields.link ?? '';
          const found = await pageOf(token);
          if (!found) return gone(ctx, 403);
          const [purpose, page] = found;
          const link = linkOf(ctx, token);
          if (!form.isFresh(COOKIE)) return page.show(ctx, link, { status: 403, notice: 'form.outdated' });
          const outcome = await page.submit(ctx, link, form.fields);
          if (outcome === 'gone') return gone(ctx, 403);
          if (outcome === 'done') keep(ctx, DONE + purpose);
          if (outcome === 'done-removed') keep(ctx, DONE + REMOVED + purpose);
        },
      },
    ],
  };
}

/** The purpose of a link that was spent in this browser, '' for none; and whether ways in were removed by it. */
function doneOf(kept: string): [purpose: string, removed: boolean] {
  if (!kept.startsWith(DONE)) return ['', false];
  const rest = kept.slice(DONE.length);
  return rest.startsWith(REMOVED) ? [rest.slice(REMOVED.length), true] : [rest, false];
}
