/**
 * Sessions and devices: where the account is signed in, and how to end it. Ending one from here ends everything that was
 * begun in it, apps that keep their access while the person is away too: a browser that is not in the person's hands any
 * more must leave nothing behind.
 */
import type { Account, By } from '../accounts/account.ts';
import type { FamilyRecord } from '../storage/family-rows.ts';
import type { SessionRecord } from '../storage/session-reads.ts';
import { displayName } from '../web/names.ts';
import type { PortalKit } from './portal-kit.ts';
import {
  notThere,
  type PortalAct,
  type PortalPage,
  type PortalSection,
  type PortalVisit,
} from './portal-routes.ts';

export interface DevicesFront {
  /** The living ones, last seen first. */
  sessions(accountId: string): Promise<readonly SessionRecord[]>;
  /** What a session's `key` is for the session of that uid. */
  keyOf(uid: string): string;
  /** The living ones. */
  families(accountId: string): Promise<readonly FamilyRecord[]>;
  /** False: the account has no living session of that id. */
  end(accountId: string, id: string, by: By): Promise<boolean>;
  /** Every session and family, or all but those of the session of that uid. */
  endAll(account: Account, by: By, keep?: string): Promise<void>;
  nameOf(clientId: string): Promise<string>;
  placeOf(network: string, lang: string): string | undefined;
}

const PATH = '/account/devices';
const OTHERS = `${PATH}/end-others`;
const ALL = `${PATH}/end-all`;
const endPath = (id: string) => `${PATH}/${id}/end`;
/** More are counted and not named. */
const MOST_APPS = 12;

export function devicesSection(kit: PortalKit, front: DevicesFront): PortalSection {
  async function view(visit: PortalVisit, session: SessionRecord, inside: readonly FamilyRecord[]) {
    const { t } = kit.textsFor(visit);
    const clients = [...new Set(inside.map(({ clientId }) => clientId))];
    const names = await Promise.all(clients.slice(0, MOST_APPS).map((id) => front.nameOf(id)));
    const { browser, system } = session;
    return {
      id: session.id,
      name:
        browser && system
          ? t('portal.devices.name', { browser, system })
          : (browser ?? system ?? t('portal.devices.unknown')),
      form: `portal.devices.form.${session.device}`,
      current: session.key === front.keyOf(visit.session.uid),
      lastSeen: kit.time(visit, session.lastSeenAt),
      started: kit.time(visit, session.startedAt),
      network: session.lastNetwork,
      place: front.placeOf(session.lastNetwork, kit.textsFor(visit).lang),
      remembered: session.remembered,
      apps: names.map(displayName),
      more: clients.length - names.length,
    };
  }

  const show: PortalPage['show'] = async (ctx, visit, again) => {
    const [sessions, families] = await Promise.all([
      front.sessions(visit.account.id),
      front.families(visit.account.id),
    ]);
    const views = await Promise.all(
      sessions.map((one) =>
        view(
          visit,
          one,
          families.filter(({ sessionKey }) => sessionKey === one.key),
        ),
      ),
    );
    const devices = views.sort((a, b) => Number(b.current) - Number(a.current));
    kit.send(ctx, visit, 'devices', {
      title: 'portal.devices.title',
      topic: PATH,
      again,
      data: {
        devices: devices.map((one) => ({ ...one, csrf: kit.csrf(ctx, visit, endPath(one.id)) })),
        others: { path: OTHERS, csrf: kit.csrf(ctx, visit, OTHERS) },
        all: { path: ALL, csrf: kit.csrf(ctx, visit, ALL) },
      },
    });
  };

  const endOne: PortalAct['submit'] = async (ctx, visit) => {
    const own = front.keyOf(visit.session.uid);
    const sessions = await front.sessions(visit.account.id);
    const isOwn = sessions.some(({ id, key }) => id === visit.id && key === own);
    if (!(await front.end(visit.account.id, visit.id, visit.by))) throw notThere();
    return isOwn ? kit.goTo(ctx, '/signed-out') : kit.goTo(ctx, PATH, 'deviceEnded');
  };

  return {
    topic: { path: PATH, text: 'portal.devices.topic' },
    routes: [
      { method: 'GET', path: PATH, needs: 'signed-in', show },
      // Whoever holds the session can end sessions, and nothing more: what makes safer is never put off.
      { method: 'POST', path: endPath(':id'), page: PATH, needs: 'signed-in', submit: endOne },
      {
        method: 'POST',
        path: OTHERS,
        page: PATH,
        needs: 'signed-in',
        async submit(ctx, visit) {
          await front.endAll(visit.account, visit.by, visit.session.uid);
          kit.goTo(ctx, PATH, 'othersEnded');
        },
      },
      {
        method: 'POST',
        path: ALL,
        page: PATH,
        needs: 'signed-in',
        async submit(ctx, visit) {
          await front.endAll(visit.account, visit.by);
          kit.goTo(ctx, '/signed-out');
        },
      },
    ],
    async overview(visit) {
      const count = (await front.sessions(visit.account.id)).length;
      return [{ group: 'devices', text: 'portal.devices.count', values: { count }, path: PATH }];
    },
  };
}
