/** Gives the portal's pages of sessions, apps and data what they need of the other rooms, as functions. */
import { describeRights } from './pages/consent-items.ts';
import type { AppsFront } from './portal/apps.ts';
import { connectedApps } from './portal/connected-apps.ts';
import type { DevicesFront } from './portal/devices.ts';
import type { Rooms } from './rooms.ts';

/** More living families of one account are not looked at by pages. */
const MOST_FAMILIES = 500;
const EXCHANGES_MS = 30 * 86_400_000;
const MOST_EXCHANGES = 200;

/** The living families of an account, those that began a moment ago in this process too. */
function livingFamilies({ familyIndex, clock }: Rooms) {
  return async (accountId: string) => {
    await familyIndex.flush();
    return familyIndex.list({ accountId, livingAt: clock.now(), limit: MOST_FAMILIES });
  };
}

const findClientOf =
  ({ directory, clientDocuments }: Rooms) =>
  async (clientId: string) =>
    (await directory.find(clientId)) ?? (await clientDocuments?.find(clientId));

export function devicesFront(rooms: Rooms): DevicesFront {
  const { browserSessions, sessions, lease, mail, clock, placeOf } = rooms;
  const findClient = findClientOf(rooms);
  return {
    sessions: browserSessions.list,
    keyOf: browserSessions.keyOf,
    families: livingFamilies(rooms),
    end: browserSessions.end,
    async endAll({ id, email, profile }, by, keep) {
      await sessions.signOutEverywhere(id, by, {
        keep,
        async also(trx) {
          if (keep !== undefined) return;
          await mail.write(trx, {
            key: `signed-out-everywhere ${id} ${clock.now()}`,
            accountId: id,
            kind: 'signed-out-everywhere',
            to: email,
            locale: profile.locale,
            data: { at: clock.now(), network: by.network },
          });
        },
      });
      // What this process shows next is what holds now; the others follow within the lease.
      await lease.renew();
    },
    nameOf: async (clientId) => (await findClient(clientId))?.name ?? clientId,
    placeOf,
  };
}

export function appsFront(rooms: Rooms): AppsFront {
  const { consents, resources, audit, clock, lease, placeOf } = rooms;
  const parts = {
    consents: consents.list,
    families: livingFamilies(rooms),
    findClient: findClientOf(rooms),
    resources: resources.all,
    async exchanges(accountId: string) {
      const { events } = await audit.search({
        accountId,
        type: 'token.exchanged',
        from: clock.now() - EXCHANGES_MS,
        limit: MOST_EXCHANGES,
      });
      return events.flatMap(({ clientId, detail }) =>
        clientId !== undefined && 'subjectClientId' in detail
          ? [{ clientId, subjectClientId: detail.subjectClientId }]
          : [],
      );
    },
    describe: (rights: Parameters<typeof describeRights>[0], lang: string) =>
      describeRights(rights, { texts: rooms.languages.textsIn(lang), findResource: resources.byAudience }),
  };
  return {
    list: (accountId, lang) => connectedApps(parts, accountId, lang),
    async remove(accountId, clientId, by) {
      await consents.withdraw(accountId, clientId, by);
      await lease.renew();
    },
    placeOf,
  };
}
