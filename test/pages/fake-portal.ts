/** Stand-ins for what the portal needs: its real pages over what is written here. */

import type { Account } from '../../src/accounts/account.ts';
import type { AuditRecord } from '../../src/audit/search.ts';
import { defaultLifetimes } from '../../src/config/lifetimes.ts';
import type { HeldFactors } from '../../src/factors/factors.ts';
import type { Passkey } from '../../src/passkeys/passkey.ts';
import { activitySection } from '../../src/portal/activity.ts';
import { appsSection } from '../../src/portal/apps.ts';
import type { ConnectedApp } from '../../src/portal/connected-apps.ts';
import { connectionsSection } from '../../src/portal/connections.ts';
import { dataSection } from '../../src/portal/data.ts';
import { deletionSection } from '../../src/portal/deletion.ts';
import { devicesSection } from '../../src/portal/devices.ts';
import { emailSection } from '../../src/portal/email.ts';
import { passkeysSection } from '../../src/portal/passkeys.ts';
import { passwordSection } from '../../src/portal/password.ts';
import { createPortal, type PortalOptions } from '../../src/portal/portal.ts';
import type { OverviewLine, PortalSection } from '../../src/portal/portal-routes.ts';
import { profileSection } from '../../src/portal/profile.ts';
import { type TwoStepFactors, twoStepSection } from '../../src/portal/two-step.ts';
import type { FamilyRecord } from '../../src/storage/family-rows.ts';
import type { SessionRecord } from '../../src/storage/session-reads.ts';
import type { ShownLink } from '../../src/upstream/links.ts';
import type { ProviderButton } from '../../src/upstream/upstream-parts.ts';
import { dataTopics } from '../../src/wiring-data.ts';
import { ada, enrolment, recoveryCodes, SESSION_COOKIE } from './fake-front-door.ts';
import { createFakePasskeys } from './fake-passkeys.ts';

/** The session that scenes of the portal begin with. */
export const NOW = Date.UTC(2026, 10, 25, 16, 40);

const account: Account = {
  id: ada.accountId,
  email: ada.email,
  emailCanonical: ada.email,
  emailVerified: true,
  status: 'active',
  profile: { name: 'Ada Lovelace', given_name: 'Ada', family_name: 'Lovelace', zoneinfo: 'Europe/London' },
  passwordVersion: 1,
  createdAt: NOW - 86_400_000,
  updatedAt: NOW,
};

const placeOf = (network: string) => (network.startsWith('203.') ? 'Mainz, Germany' : undefined);
const other: Account = { ...account, id: 'eve-1', email: 'eve@example.com', profile: {} };

export interface FakePortal {
  readonly door: ReturnType<typeof createPortal>['door'];
  /** Back to how every scene finds it. */
  reset(): void;
  events: readonly AuditRecord[];
  sessions: readonly SessionRecord[];
  families: readonly FamilyRecord[];
  apps: readonly ConnectedApp[];
  /** Other sign-ins that are connected, and those that can be. */
  links: readonly ShownLink[];
  providers: readonly ProviderButton[];
  /** What other topics tell on the overview. */
  lines: readonly OverviewLine[];
  passkeys: readonly Passkey[];
  lastAdministrator: boolean;
  /** The sign-in is an hour old. */
  isOld: boolean;
  /** Whoever comes back from the front door is somebody else. */
  switches: boolean;
  factors: HeldFactors;
}

export function createFakePortal(
  web: Pick<PortalOptions, 'publicUrl' | 'csrf' | 'readSubmitted' | 'sendPage' | 'languages'>,
): FakePortal {
  const fake: Omit<FakePortal, 'door'> = {
    events: [],
    sessions: [],
    families: [],
    apps: [],
    links: [],
    providers: [],
    lines: [],
    passkeys: [],
    lastAdministrator: false,
    isOld: false,
    switches: false,
    factors: { authenticators: [] },
    reset() {
      fake.sessions = [];
      fake.families = [];
      fake.apps = [];
      fake.links = [];
      fake.providers = [];
      fake.events = [];
      fake.lines = [];
      fake.passkeys = [];
      fake.lastAdministrator = false;
      fake.isOld = false;
      fake.switches = false;
      fake.factors = { authenticators: [] };
    },
  };
  const accounts = {
    find: async () => account,
    update: async () =>
      ({ kind: 'faults', faults: [{ field: 'birthdate', message: 'must be a date' }] }) as const,
  };
  const factors: TwoStepFactors = {
    held: async () => fake.factors,
    begin: async () => ({ kind: 'begun', enrolment }),
    confirm: async () => ({ kind: 'wrong' }),
    rename: async () => ({ kind: 'renamed' }),
    remove: async () => ({ kind: 'removed' }),
    makeRecoveryCodes: async () => ({ kind: 'made', codes: recoveryCodes }),
  };
  const rename = async () => undefined;
  const remove = async () => ({ kind: 'last' }) as const;
  const told: PortalSection = { routes: [], overview: async () => fake.lines };
  const { door } = createPortal({
    ...web,
    front: {
      renew: async () => undefined,
      session: async (ctx) => {
        const cookie = ctx.cookies.get(SESSION_COOKIE);
        const accountId = fake.switches && ctx.path === '/account/return' ? other.id : cookie;
        const authTime = NOW / 1000 - (fake.isOld ? 3600 : 60);
        return accountId === undefined
          ? undefined
          : { uid: 'u', accountId, authTime, amr: ['pwd'], acr: 'urn:cardea:acr:1' };
      },
      findAccount: async (id) => [account, other].find((one) => one.id === id),
      strongLevels: async () => ['urn:cardea:acr:1'],
      networkOf: (address) => address,
      requestIdOf: () => 'request-1',
    },
    sections: (kit) => [
      told,
      profileSection(kit, accounts),
      emailSection(kit, {
        offered: true,
        ask: async () => 'asked',
        confirmCode: async () => 'wrong',
        verification: { ask: async () => 'asked', confirmCode: async () => 'wrong' },
        checkCode: async () => ({ kind: 'go' }),
        find: async () => ({ ...account, emailVerified: false }),
        endOthers: async () => undefined,
      }),
      passwordSection(kit, {
        hasPassword: async () => true,
        change: async () => ({ kind: 'wrong' }),
        minLength: 12,
      }),
      passkeysSection(
        kit,
        { ...createFakePasskeys(), list: async () => fake.passkeys, rename, remove },
        factors,
        async () => true,
      ),
      twoStepSection(kit, factors, async () => false),
      connectionsSection(kit, {
        upstream: {
          list: async () => fake.links,
          buttons: async () => fake.providers,
          begin: async () => ({ kind: 'go', url: '/stays', name: 'Google' }),
          link: async () => undefined,
          unlink: async () => 'last',
        },
        csrf: web.csrf,
        cookies: { read: () => undefined, clear: () => undefined },
      }),
      devicesSection(kit, {
        sessions: async () => fake.sessions,
        keyOf: (uid) => `key of ${uid}`,
        families: async () => fake.families,
        end: async () => true,
        endAll: async () => undefined,
        nameOf: async (clientId) => clientId,
        placeOf,
      }),
      appsSection(kit, { list: async () => fake.apps, remove: async () => undefined, placeOf }),
      activitySection(kit, {
        audit: {
          search: async () => ({ events: fake.events, ...(fake.events.length > 0 && { next: '1.1' }) }),
        },
        sealing: { seal: (plain) => plain, open: (sealed) => sealed },
        nameOfClient: async () => 'Orders',
      }),
      dataSection(kit, {
        topics: Object.keys(dataTopics).map((name) => ({ name, rows: async function* () {} })),
        begin: async () => ({ kind: 'wait', retryAfterSeconds: 3600 }),
        renderPage: () => '',
        style: '',
        host: 'localhost',
        clock: { now: () => NOW },
        onBroken: () => undefined,
      }),
      deletionSection(kit, {
        deletions: {
          isLastAdministrator: async () => fake.lastAdministrator,
          plan: async () => ({ kind: 'planned', until: NOW + 14 * 86_400_000 }),
        },
        graceSeconds: defaultLifetimes.deletionGrace,
        hasMail: true,
        sendPage: web.sendPage,
        base: web.publicUrl.base,
      }),
    ],
    clock: { now: () => NOW },
    recentSeconds: defaultLifetimes.recentSignIn,
    waySeconds: defaultLifetimes.interaction,
  });
  return Object.assign(fake, { door });
}
