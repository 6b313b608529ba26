/** What every page of the portal is made with: its layout, its forms' tokens, the person's language. */
import type Koa from 'koa';
import type { Csrf } from '../web/csrf.ts';
import type { PageLanguages } from '../web/languages.ts';
import { personView } from '../web/names.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import type { Texts } from '../web/texts.ts';
import type { Again, PortalSection, PortalVisit } from './portal-routes.ts';

export interface PortalAnswer {
  /** A text's key: the page's title and heading. */
  readonly title: string;
  /** Its place in the list of topics. */
  readonly topic?: string | undefined;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  readonly again?: Again | undefined;
}

export interface PortalKit {
  /** Renders `views/portal/<name>.eta` in the portal's layout, in the person's language. */
  send(ctx: Koa.Context, visit: PortalVisit, name: string, answer: PortalAnswer): void;
  /** The token for a form that posts to this path ('/account/…', ids filled in) as this account. */
  csrf(ctx: Koa.Context, visit: PortalVisit, path: string): string;
  /** 303 to a path of the portal, whose page then says what was done: the text `portal.done.<done>`. */
  goTo(ctx: Koa.Context, path: string, done?: string): void;
  /** The texts in the person's language, for dates and names that a page's data holds. */
  textsFor(visit: PortalVisit): Texts;
  /** A time in the person's language and time zone, through `Intl`. @param at ms */
  time(visit: PortalVisit, at: number): string;
  /** The same without the hour. */
  day(visit: PortalVisit, at: number): string;
  /** The languages there are. */
  readonly locales: readonly string[];
}

/** A token opens one form, of one account: what a page of one account holds does nothing to another. */
export function formPurpose(accountId: string, path: string): string {
  return `portal\n${accountId}\n${path}`;
}

/** Nobody else's link makes a page say that something was done. */
const donePurpose = (done: string) => `portal done\n${done}`;

export function createPortalKit(o: {
  sendPage: SendPage;
  csrf: Pick<Csrf, 'issue' | 'isOfBrowser'>;
  languages: Pick<PageLanguages, 'textsIn' | 'locales'>;
  base: string;
  sections: () => readonly PortalSection[];
}): PortalKit {
  const textsFor = (visit: PortalVisit) => o.languages.textsIn(visit.lang);
  const csrf: PortalKit['csrf'] = (ctx, visit, path) =>
    o.csrf.issue(ctx, formPurpose(visit.account.id, path));
  const doneOf = (ctx: Koa.Context, texts: Texts): string | undefined => {
    const [done = '', mac = ''] = typeof ctx.query.done === 'string' ? ctx.query.done.split('.') : [];
    const isOurs = o.csrf.isOfBrowser(ctx, donePurpose(done), mac);
    return isOurs ? texts.t(`portal.done.${done}`) : undefined;
  };

  return {
    csrf,
    textsFor,
    locales: o.languages.locales,
    time: (visit, at) => textsFor(visit).time(at, visit.account.profile.zoneinfo),
    day: (visit, at) => textsFor(visit).date(at, visit.account.profile.zoneinfo),
    goTo(ctx, path, done) {
      const query = done === undefined ? '' : `?done=${done}.${o.csrf.issue(ctx, donePurpose(done))}`;
      seeOther(ctx, o.base + path + query);
    },
    send(ctx, visit, name, { title, topic, data, again }) {
      const texts = textsFor(visit);
      const person = { email: visit.account.email, name: visit.account.profile.name };
      o.sendPage(ctx, `portal/${name}`, {
        status: again?.status ?? 200,
        retryAfterSeconds: again?.retryAfterSeconds,
        data: {
          title: texts.t(title),
          chip: personView(person),
          topics: o.sections().flatMap(({ topic: one }) =>
            one
              ? [
                  {
                    url: o.base + one.path,
                    text: texts.t(one.text),
                    current: one.path === topic,
                  },
                ]
              : [],
          ),
          signOut: { action: `${o.base}/sign-out`, csrf: o.csrf.issue(ctx, 'sign-out') },
          notice: again?.notice,
          faults: again?.faults ?? {},
          fields: again?.fields ?? {},
          done: again ? undefined : doneOf(ctx, texts),
          ...data,
        },
      });
    },
  };
}
