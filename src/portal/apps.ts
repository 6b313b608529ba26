/** Apps and agents: what each may do, since when, last used when and from where; and taking it back. */
import { createHash } from 'node:crypto';
import type { By } from '../accounts/account.ts';
import type { ConnectedApp } from './connected-apps.ts';
import type { PortalKit } from './portal-kit.ts';
import { notThere, type PortalPage, type PortalSection, type PortalVisit } from './portal-routes.ts';

export interface AppsFront {
  list(accountId: string, lang: string): Promise<readonly ConnectedApp[]>;
  /** Ends all that the client has of the account, and the consent. */
  remove(accountId: string, clientId: string, by: By): Promise<void>;
  placeOf(network: string, lang: string): string | undefined;
}

const PATH = '/account/apps';
const removePath = (id: string) => `${PATH}/${id}/remove`;

/** A client's id may be an address; in a path of ours it is its digest. */
export const appKey = (clientId: string): string => createHash('sha256').update(clientId).digest('base64url');

export function appsSection(kit: PortalKit, front: AppsFront): PortalSection {
  const badges = (app: ConnectedApp): readonly string[] => [
    ...(app.kind === 'app' ? [] : [`portal.apps.kind.${app.kind}`]),
    ...(app.vouched === 'nobody' ? ['consent.unverified'] : []),
  ];

  const view = (visit: PortalVisit, app: ConnectedApp) => ({
    id: appKey(app.clientId),
    name: app.name,
    badges: badges(app),
    vouched: `portal.apps.vouched.${app.vouched}`,
    site: app.site,
    rights: app.rights,
    acts: app.acts,
    since: kit.day(visit, app.since),
    lastUsed: app.lastUsedAt === undefined ? undefined : kit.time(visit, app.lastUsedAt),
    network: app.lastNetwork,
    place: app.lastNetwork && front.placeOf(app.lastNetwork, visit.lang),
    living: app.living,
    through: app.through,
  });

  const show: PortalPage['show'] = async (ctx, visit, again) => {
    const apps = await front.list(visit.account.id, visit.lang);
    kit.send(ctx, visit, 'apps', {
      title: 'portal.apps.title',
      topic: PATH,
      again,
      data: {
        apps: apps.map((app) => ({
          ...view(visit, app),
          csrf: kit.csrf(ctx, visit, removePath(appKey(app.clientId))),
        })),
      },
    });
  };

  return {
    topic: { path: PATH, text: 'portal.apps.topic' },
    routes: [
      { method: 'GET', path: PATH, needs: 'signed-in', show },
      {
        method: 'POST',
        path: removePath(':id'),
        page: PATH,
        needs: 'signed-in',
        async submit(ctx, visit) {
          const apps = await front.list(visit.account.id, visit.lang);
          const app = apps.find(({ clientId }) => appKey(clientId) === visit.id);
          if (!app) throw notThere();
          await front.remove(visit.account.id, app.clientId, visit.by);
          kit.goTo(ctx, PATH, 'appRemoved');
        },
      },
    ],
    async overview(visit) {
      const count = (await front.list(visit.account.id, visit.lang)).length;
      return [{ group: 'apps', text: 'portal.apps.count', values: { count }, path: PATH }];
    },
  };
}
