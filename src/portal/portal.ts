/** The room's entry: one door before every page and every form of `/account`. */
import type Koa from 'koa';
import type { Csrf } from '../web/csrf.ts';
import type { ReadSubmitted } from '../web/form-guard.ts';
import type { PageLanguages } from '../web/languages.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import type { PublicUrl } from '../web/public-url.ts';
import { createJudgeSession, type Enough } from './guard.ts';
import { overviewSection } from './overview.ts';
import type { PortalFront, PortalSession } from './portal-front.ts';
import { createPortalKit, formPurpose, type PortalKit } from './portal-kit.ts';
import {
  createPortalTable,
  type Match,
  type PortalRoute,
  type PortalSection,
  type PortalVisit,
} from './portal-routes.ts';
import { createWay, RETURN_PATH } from './way.ts';

export interface PortalOptions {
  readonly front: PortalFront;
  /** The topics after the overview, in the order of the list (src/wiring-portal.ts). */
  readonly sections: (kit: PortalKit) => readonly PortalSection[];
  readonly publicUrl: Pick<PublicUrl, 'issuer' | 'base'>;
  readonly csrf: Csrf;
  readonly readSubmitted: ReadSubmitted;
  readonly sendPage: SendPage;
  readonly languages: Pick<PageLanguages, 'settle' | 'textsIn' | 'locales'>;
  readonly clock: { now(): number };
  readonly recentSeconds: number;
  /** How long somebody may take to come back from the front door. */
  readonly waySeconds: number;
}

/** Our own client, under which people come through the front door. */
const CLIENT_ID = 'cardea';

/** Serves `/account` and what is below it; calls on for any other path. */
export function createPortal(o: PortalOptions): {
  door: Koa.Middleware;
  routes: readonly PortalRoute[];
} {
  const { front, publicUrl, csrf, clock, sendPage } = o;
  const { base } = publicUrl;
  const kit = createPortalKit({ ...o, base, sections: () => sections });
  const others = o.sections(kit);
  const sections: readonly PortalSection[] = [overviewSection(kit, () => others), ...others];
  const routes = sections.flatMap((section) => section.routes);
  const table = createPortalTable(routes);
  const judge = createJudgeSession(o);
  const way = createWay({
    ...publicUrl,
    clientId: CLIENT_ID,
    csrf,
    clock,
    lifetimeSeconds: o.waySeconds,
  });

  async function visitOf(ctx: Koa.Context, id = ''): Promise<PortalVisit | undefined> {
    const session = await front.session(ctx);
    const account = session && (await front.findAccount(session.accountId));
    if (!session || !account) return undefined;
    const by = {
      actor: { kind: 'account', id: account.id },
      network: front.networkOf(ctx.ip),
      requestId: front.requestIdOf(ctx),
    } as const;
    const lang = o.languages.settle(ctx, { account: account.profile.locale });
    // The engine keeps whole seconds; whoever signed in during one is not taken for earlier.
    const signedIn = { at: (session.authTime + 1) * 1000 - 1, session: session.uid };
    return { account, session, signedIn, id, by, lang };
  }

  function signInAgain(
    ctx: Koa.Context,
    path: string,
    session: PortalSession,
    { maxAgeSeconds, level }: Extract<Enough, { kind: 'sign-in-again' }>,
    locale: string | undefined,
  ): void {
    seeOther(ctx, way.out(ctx, { path, accountId: session.accountId, maxAgeSeconds, level, locale }));
  }

  /** The one guard: before it nothing of a route runs, for GET and POST alike. */
  async function guarded(ctx: Koa.Context, match: Match): Promise<void> {
    const { route } = match;
    // Another site's form is refused before anything else is looked at.
    const form = route.method === 'POST' ? await o.readSubmitted(ctx) : undefined;
    const path = table.pagePath(match);
    // The lease may be a second old. Within it a session that was ended elsewhere ("this wasn't me", a reset) would set the
    // account's first password again, or change its address.
    if (form) await front.renew();
    const visit = await visitOf(ctx, match.id);
    if (!visit) return seeOther(ctx, way.out(ctx, { path }));
    const enough = await judge(route.needs, visit.session);
    if (enough.kind === 'sign-in-again') {
      return signInAgain(ctx, path, visit.session, enough, visit.account.profile.locale);
    }
    if (route.method === 'GET') return route.show(ctx, visit);
    if (form?.isFresh(formPurpose(visit.account.id, ctx.path))) {
      return route.submit(ctx, visit, form.fields);
    }
    const page = table.page(path);
    return page?.route.show(ctx, visit, { status: 403, notice: 'form.outdated', fields: form?.fields });
  }

  /** GET /account/return: from the front door, with or without what was asked of it. */
  async function comeBack(ctx: Koa.Context): Promise<void> {
    const visit = await visitOf(ctx);
    if (!visit) return seeOther(ctx, `${base}/`);
    const back = way.back(ctx);
    const target = back && table.page(back.path);
    if (!back || !target) return kit.goTo(ctx, '/account');
    if (!back.setOutAs(visit.account.id)) {
      return sendPage(ctx, 'portal-switched', {
        data: { email: visit.account.email, url: `${base}/account` },
      });
    }
    const enough = await judge(target.route.needs, visit.session);
    // Asked and not given: asking again by ourselves could go round for ever.
    if (enough.kind === 'sign-in-again') {
      return sendPage(ctx, 'portal-unconfirmed', {
        status: 403,
        data: { again: base + back.path, url: `${base}/account` },
      });
    }
    return kit.goTo(ctx, back.path);
  }

  return {
    routes,
    async door(ctx, next) {
      if (ctx.path === RETURN_PATH && (ctx.method === 'GET' || ctx.method === 'HEAD')) return comeBack(ctx);
      const match = table.match(ctx.method, ctx.path);
      return match ? guarded(ctx, match) : next();
    },
  };
}
