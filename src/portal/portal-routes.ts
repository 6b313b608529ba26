/**
 * The portal's addresses. A route says what it needs; the guard (guard.ts) reads it there, so that no page and no form
 * can be without. A route without `needs` does not compile.
 */
import type Koa from 'koa';
import type { Account, By } from '../accounts/account.ts';
import type { SignInAt } from '../storage/ended-access.ts';
import type { FormFields } from '../web/forms.ts';
import { WebFault } from '../web/problem.ts';
import type { PortalSession } from './portal-front.ts';

/**
 * `recent`: signed in within CARDEA_LIFETIME_RECENT_SIGN_IN. `recent-strong`: so, and with the strongest factor that the
 * account has.
 */
export type Needs = 'signed-in' | 'recent' | 'recent-strong';

/** One request of one person. Whatever a handler does, it does for this account and no other. */
export interface PortalVisit {
  readonly account: Account;
  readonly session: PortalSession;
  /** The sign-in of that session, for what adds a way in: looked at once more when it is added. */
  readonly signedIn: SignInAt;
  /** What stands for ':id' in the path; '' where there is none. Others' ids and unknown ones are both `notThere`. */
  readonly id: string;
  /** For the audit: the person themselves, over their network. */
  readonly by: By;
  /** The language of the answer (BCP 47). */
  readonly lang: string;
}

/** A page a second time: what was wrong, and what was typed (never a secret). */
export interface Again {
  readonly status: number;
  /** A text's key, for the whole form. */
  readonly notice?: string | undefined;
  /** Text keys by field. */
  readonly faults?: Readonly<Record<string, string>> | undefined;
  readonly fields?: FormFields | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

export interface PortalPage {
  readonly method: 'GET';
  /** Below the issuer, for example '/account/passkeys/:id'; ':id' stands for one part. */
  readonly path: string;
  readonly needs: Needs;
  show(ctx: Koa.Context, visit: PortalVisit, again?: Again): Promise<void> | void;
}

export interface PortalAct {
  readonly method: 'POST';
  readonly path: string;
  readonly needs: Needs;
  /** The path of the page that holds the form: people come back to it from the front door, or with an old form. */
  readonly page: string;
  /** The form came from our own page, in this browser, made for this account and this address. */
  submit(ctx: Koa.Context, visit: PortalVisit, fields: FormFields): Promise<void> | void;
}

export type PortalRoute = PortalPage | PortalAct;

/** A sentence of the overview, with a link to where it can be changed. */
export interface OverviewLine {
  readonly group: 'sign-in' | 'devices' | 'apps';
  /** A text's key, and what stands in it. */
  readonly text: string;
  readonly values?: Readonly<Record<string, string | number>> | undefined;
  /** Below the issuer: '/account/…'. */
  readonly path: string;
  /** Something that the person should do about it. */
  readonly advice?: boolean | undefined;
}

/** One topic of the portal: its place in the list, its routes, and what it tells on the overview. */
export interface PortalSection {
  /** `text`: the key of its name. Absent: not in the list. */
  readonly topic?: { readonly path: string; readonly text: string } | undefined;
  readonly routes: readonly PortalRoute[];
  readonly overview?: ((visit: PortalVisit) => Promise<readonly OverviewLine[]>) | undefined;
}

/** One answer for what is not there and for what is another account's. */
export function notThere(): WebFault {
  return new WebFault({ status: 404, detail: 'There is nothing at this address.' });
}

/** What an id in a path may look like; anything else is no address of ours, and costs no look-up. */
const PART = '([A-Za-z0-9_-]{1,128})';

const order: readonly Needs[] = ['signed-in', 'recent', 'recent-strong'];

export interface Match<R extends PortalRoute = PortalRoute> {
  readonly route: R;
  readonly id: string;
}

export interface PortalTable {
  /** Undefined: no address of the portal. Throws WebFault 405 for one of ours with another method. */
  match(method: string, path: string): Match | undefined;
  /** The page at this path. */
  page(path: string): Match<PortalPage> | undefined;
  /** The path of the page that a route's person sees: its own, or that of its form. */
  pagePath(match: Match): string;
}

/**
 * @throws RangeError for a form without its page, which could lead nobody back, and for one that needs less than its page,
 * which it may show again
 */
export function createPortalTable(routes: readonly PortalRoute[]): PortalTable {
  const table = routes.map((route) => ({
    route,
    pattern: new RegExp(`^${route.path.replace(':id', PART)}$`),
  }));
  for (const route of routes) {
    if (route.method === 'GET') continue;
    const page = routes.find(({ method, path }) => method === 'GET' && path === route.page);
    if (!page) throw new RangeError(`${route.path} names the page ${route.page}, which is not there.`);
    if (order.indexOf(route.needs) < order.indexOf(page.needs)) {
      throw new RangeError(`${route.path} needs less than its page ${route.page}.`);
    }
  }
  const found = (path: string) =>
    table.flatMap(({ route, pattern }) => {
      const parts = pattern.exec(path);
      return parts ? [{ route, id: parts[1] ?? '' }] : [];
    });

  return {
    match(asked, path) {
      const method = asked === 'HEAD' ? 'GET' : asked;
      const matches = found(path);
      const match = matches.find(({ route }) => route.method === method);
      if (match || matches.length === 0) return match;
      const allow = [...new Set(matches.map(({ route }) => route.method))];
      throw new WebFault({ status: 405, detail: 'This address does not do that.', allow });
    },
    page(path) {
      for (const { route, id } of found(path)) if (route.method === 'GET') return { route, id };
      return undefined;
    },
    pagePath: ({ route, id }) => (route.method === 'GET' ? route.path : route.page).replace(':id', id),
  };
}
