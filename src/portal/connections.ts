/** Other providers by which the account can be signed in to: which there are, one more, one less. */
import type Koa from 'koa';
import { BROWSER, HANDLE_COOKIE, PORTAL_RETURN } from '../upstream/provider.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import type { PortalKit } from './portal-kit.ts';
import { type Again, notThere, type PortalSection, type PortalVisit } from './portal-routes.ts';

const PATH = '/account/connections';
const ADD = `${PATH}/add`;
const REMOVE = `${PATH}/:id/remove`;

type Show = (ctx: Koa.Context, visit: PortalVisit, again?: Again) => Promise<void>;

export function connectionsSection(
  kit: PortalKit,
  o: {
    upstream: Pick<Upstream, 'buttons' | 'begin' | 'link' | 'list' | 'unlink'>;
    csrf: Pick<Csrf, 'issue'>;
    cookies: Pick<Cookies, 'read' | 'clear'>;
  },
): PortalSection {
  const { upstream, csrf, cookies } = o;
  const fromOf = ({ by }: PortalVisit) => ({ network: by.network ?? '', requestId: by.requestId });

  const show: Show = async (ctx, visit, again) => {
    const [links, providers] = await Promise.all([upstream.list(visit.account.id), upstream.buttons()]);
    kit.send(ctx, visit, 'connections', {
      title: 'portal.connections.title',
      topic: PATH,
      again,
      data: {
        links: links.map(({ id, provider, email, linkedAt, lastUsedAt }) => ({
          id,
          name: provider.name,
          email,
          linked: kit.day(visit, linkedAt),
          used: lastUsedAt === undefined ? undefined : kit.day(visit, lastUsedAt),
        })),
        providers,
        csrf: kit.csrf(ctx, visit, ADD),
      },
    });
  };

  const showRemove: Show = async (ctx, visit, again) => {
    const link = (await upstream.list(visit.account.id)).find(({ id }) => id === visit.id);
    if (!link) throw notThere();
    kit.send(ctx, visit, 'connection-remove', {
      title: 'portal.connections.removeTitle',
      topic: PATH,
      again,
      data: {
        link: { id: link.id, name: link.provider.name, email: link.email },
        csrf: kit.csrf(ctx, visit, REMOVE.replace(':id', visit.id)),
      },
    });
  };

  return {
    topic: { path: PATH, text: 'portal.connections.topic' },
    routes: [
      { method: 'GET', path: PATH, needs: 'signed-in', show },
      {
        method: 'POST',
        path: ADD,
        page: PATH,
        // Another way in is as good as a password: whoever has the open browser alone adds none.
        needs: 'recent-strong',
        async submit(ctx, visit, fields) {
          const begun = await upstream.begin({
            providerId: fields.provider ?? '',
            purpose: { kind: 'link', accountId: visit.account.id },
            browser: csrf.issue(ctx, BROWSER),
            // Whoever is signed in there in this browser may be somebody else.
            fresh: true,
          });
          if (begun.kind !== 'go') {
            const status = begun.kind === 'absent' ? 422 : 502;
            return show(ctx, visit, { status, notice: `portal.connections.${begun.kind}` });
          }
          kit.send(ctx, visit, 'connection-leave', {
            title: 'portal.connections.leaveTitle',
            topic: PATH,
            data: { provider: begun.name, url: begun.url },
          });
          ctx.set('Refresh', `0;url=${begun.url}`);
        },
      },
      {
        method: 'GET',
        path: PORTAL_RETURN,
        needs: 'signed-in',
        async show(ctx, visit) {
          const handle = cookies.read(ctx, HANDLE_COOKIE, PORTAL_RETURN);
          if (handle === undefined || ctx.method === 'HEAD') return kit.goTo(ctx, PATH);
          cookies.clear(ctx, HANDLE_COOKIE, PORTAL_RETURN);
          const held = { handle, browser: csrf.issue(ctx, BROWSER) };
          const outcome = await upstream.link(held, visit.account.id, fromOf(visit), visit.signedIn);
          if (!outcome) return kit.goTo(ctx, PATH);
          if (outcome.kind === 'linked') return kit.goTo(ctx, PATH, 'connected');
          const why = outcome.kind === 'failed' ? outcome.reason : outcome.kind;
          return show(ctx, visit, { status: 422, notice: `portal.connections.${why}` });
        },
      },
      { method: 'GET', path: REMOVE, needs: 'recent-strong', show: showRemove },
      {
        method: 'POST',
        path: REMOVE,
        page: REMOVE,
        needs: 'recent-strong',
        async submit(ctx, visit) {
          const outcome = await upstream.unlink(visit.account.id, visit.id, fromOf(visit));
          if (outcome === 'absent') throw notThere();
          if (outcome === 'unlinked') return kit.goTo(ctx, PATH, 'disconnected');
          return showRemove(ctx, visit, { status: 422, notice: 'portal.connections.last' });
        },
      },
    ],
    async overview({ account }) {
      const number = (await upstream.list(account.id)).length;
      if (number === 0) return [];
      const text = number === 1 ? 'portal.connections.one' : 'portal.connections.several';
      return [{ group: 'sign-in', text, values: { number }, path: PATH }];
    },
  };
}
