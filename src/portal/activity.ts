/** Security activity: what happened to the account, newest first, in plain words. Only ever its own events. */
import type { Audit } from '../audit/audit.ts';
import type { AuditPage, AuditRecord } from '../audit/search.ts';
import { displayName } from '../web/names.ts';
import { activityText, shownTypes } from './activity-words.ts';
import type { PortalKit } from './portal-kit.ts';
import { notThere, type PortalPage, type PortalSection, type PortalVisit } from './portal-routes.ts';

const PATH = '/account/activity';
const PAGE_SIZE = 25;

export interface ActivityNeeds {
  readonly audit: Pick<Audit, 'search'>;
  /** For cursors, which name an event's number: sealed, they tell nothing of other people's events and open one account. */
  readonly sealing: { seal(plain: string, aad: string): string; open(sealed: string, aad: string): string };
  /** The name that an app has now, or had. */
  nameOfClient(clientId: string): Promise<string | undefined>;
}

export function activitySection(kit: PortalKit, needs: ActivityNeeds): PortalSection {
  const { audit, sealing } = needs;
  const placeOf = (visit: PortalVisit) => `activity of ${visit.account.id}`;

  /** Throws WebFault 404 for a cursor that was not made for this account. */
  async function pageOf(visit: PortalVisit, after: string | undefined, limit: number): Promise<AuditPage> {
    return audit.search({
      accountId: visit.account.id,
      storyOnly: true,
      types: shownTypes,
      limit,
      ...(after === undefined ? {} : { after: opened(after, placeOf(visit)) }),
    });
  }

  function opened(cursor: string, place: string): string {
    try {
      return sealing.open(cursor, place);
    } catch {
      throw notThere();
    }
  }

  async function rowOf(visit: PortalVisit, event: AuditRecord) {
    const { clientId, network, actor, at } = event;
    const name = clientId === undefined ? undefined : await needs.nameOfClient(clientId);
    const {
      role = '',
      provider = '',
      browser,
      system,
    } = event.detail as Readonly<Partial<Record<'role' | 'provider' | 'browser' | 'system', string>>>;
    const byOthers = actor.kind === 'operator' || (actor.kind === 'account' && actor.id !== visit.account.id);
    return {
      text: activityText(event),
      values: { app: displayName(name ?? clientId ?? ''), role, provider },
      time: kit.time(visit, at),
      iso: new Date(at).toISOString(),
      // Where an administrator sits is theirs to know.
      network: byOthers ? undefined : network,
      isHere: !byOthers && network !== undefined && network === visit.by.network,
      byOthers,
      device:
        browser && system
          ? kit.textsFor(visit).t('portal.devices.name', { browser, system })
          : (browser ?? system),
    };
  }

  const show: PortalPage['show'] = async (ctx, visit, again) => {
    const { after } = ctx.query;
    const { events, next } = await pageOf(visit, typeof after === 'string' ? after : undefined, PAGE_SIZE);
    kit.send(ctx, visit, 'activity', {
      title: 'portal.activity.title',
      topic: PATH,
      again,
      data: {
        rows: await Promise.all(events.map((event) => rowOf(visit, event))),
        isFirst: after === undefined,
        first: PATH,
        older: next && `${PATH}?after=${encodeURIComponent(sealing.seal(next, placeOf(visit)))}`,
      },
    });
  };

  return {
    topic: { path: PATH, text: 'portal.activity.topic' },
    routes: [{ method: 'GET', path: PATH, needs: 'signed-in', show }],
    async overview(visit) {
      const { events } = await pageOf(visit, undefined, 20);
      const last = events.find(({ type }) => type === 'account.signed-in');
      const refused = events.filter(({ type }) => type === 'account.sign-in-refused').length;
      return [
        ...(last
          ? [
              {
                group: 'devices',
                text: 'portal.activity.last',
                values: { time: kit.time(visit, last.at) },
                path: PATH,
              } as const,
            ]
          : []),
        ...(refused >= MANY_REFUSED
          ? [{ group: 'devices', text: 'portal.activity.manyRefused', path: PATH, advice: true } as const]
          : []),
      ];
    },
  };
}

/** Of the last twenty events: more than a person mistypes. */
const MANY_REFUSED = 5;
