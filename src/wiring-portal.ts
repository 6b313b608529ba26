/** Builds the portal, and gives it what it needs of the other rooms, as functions. */
import { activitySection } from './portal/activity.ts';
import { appsSection } from './portal/apps.ts';
import { connectionsSection } from './portal/connections.ts';
import { dataSection } from './portal/data.ts';
import { deletionSection } from './portal/deletion.ts';
import { devicesSection } from './portal/devices.ts';
import { emailSection } from './portal/email.ts';
import { passkeysSection } from './portal/passkeys.ts';
import { passwordSection } from './portal/password.ts';
import { createPortal, type PortalOptions } from './portal/portal.ts';
import type { PortalFront } from './portal/portal-front.ts';
import type { PortalKit } from './portal/portal-kit.ts';
import type { PortalSection } from './portal/portal-routes.ts';
import { profileSection } from './portal/profile.ts';
import { twoStepSection } from './portal/two-step.ts';
import type { Protocol } from './protocol/protocol.ts';
import type { Rooms } from './rooms.ts';
import { networkOf } from './throttle/networks.ts';
import type { Cookies } from './web/cookies.ts';
import type { RenderPage } from './web/render.ts';
import { requestIdOf } from './web/request-id.ts';
import { dataFront } from './wiring-data.ts';
import { appsFront, devicesFront } from './wiring-devices.ts';
import type { SecondFactors } from './wiring-journey.ts';
import { emailFront, passwordFront } from './wiring-own-account.ts';
import { hasOtherWayIn } from './wiring-passkeys.ts';

/** The topics of the portal in the order of its list: who I am, how I sign in, where it is used, what is known, farewell. */
function sectionsOf(
  rooms: Rooms,
  web: Pick<PortalOptions, 'publicUrl' | 'sendPage' | 'csrf'> & {
    readonly renderPage: RenderPage;
    readonly cookies: Cookies;
  },
): (kit: PortalKit) => readonly PortalSection[] {
  return (kit) => [
    profileSection(kit, rooms.accounts),
    emailSection(kit, emailFront(rooms)),
    passwordSection(kit, passwordFront(rooms)),
    ...(rooms.passkeys
      ? [
          passkeysSection(kit, rooms.passkeys, rooms.factors, (accountId) =>
            hasOtherWayIn(rooms.database.db, accountId),
          ),
        ]
      : []),
    twoStepSection(
      kit,
      rooms.factors,
      async (accountId) => ((await rooms.passkeys?.count(accountId)) ?? 0) > 0,
    ),
    connectionsSection(kit, { upstream: rooms.upstream, csrf: web.csrf, cookies: web.cookies }),
    devicesSection(kit, devicesFront(rooms)),
    appsSection(kit, appsFront(rooms)),
    activitySection(kit, {
      audit: rooms.audit,
      sealing: rooms.sealing,
      nameOfClient: async (clientId) => (await rooms.directory.findAny(clientId))?.name,
    }),
    dataSection(kit, dataFront(rooms, web.renderPage)),
    deletionSection(kit, {
      deletions: rooms.deletions,
      graceSeconds: rooms.settings.lifetimes.deletionGrace,
      hasMail: rooms.mail.kind !== 'off',
      sendPage: web.sendPage,
      base: web.publicUrl.base,
    }),
  ];
}

function portalFront(
  rooms: Rooms,
  protocol: Pick<Protocol, 'session'>,
  { strongLevels }: Pick<SecondFactors, 'strongLevels'>,
): PortalFront {
  return {
    renew: rooms.lease.renew,
    session: protocol.session,
    findAccount: async (accountId) => (await rooms.standings.get(accountId))?.account,
    strongLevels,
    networkOf,
    requestIdOf,
  };
}

export function createPortalOf(
  rooms: Rooms,
  protocol: Pick<Protocol, 'session'>,
  secondFactors: SecondFactors,
  web: Pick<PortalOptions, 'publicUrl' | 'csrf' | 'readSubmitted' | 'sendPage' | 'languages'> & {
    readonly renderPage: RenderPage;
    readonly cookies: Cookies;
  },
): ReturnType<typeof createPortal> {
  const { lifetimes } = rooms.settings;
  return createPortal({
    ...web,
    front: portalFront(rooms, protocol, secondFactors),
    sections: sectionsOf(rooms, web),
    clock: rooms.clock,
    recentSeconds: lifetimes.recentSignIn,
    waySeconds: lifetimes.interaction,
  });
}
