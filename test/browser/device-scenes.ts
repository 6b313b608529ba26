/** The portal's pages of sessions, apps and data in every state that is drawn differently. */
import type { ConnectedApp } from '../../src/portal/connected-apps.ts';
import type { FamilyRecord } from '../../src/storage/family-rows.ts';
import type { SessionRecord } from '../../src/storage/session-reads.ts';
import { ada } from '../pages/fake-front-door.ts';
import { NOW } from '../pages/fake-portal.ts';
import type { Scene } from './scenes.ts';
import { press } from './words.ts';

const mine = { session: ada.accountId } as const;
const LONG = 'Landesverwaltungsamt Rheinland-Pfalz Bestellwesenverwaltung Nord';
const hour = 3_600_000;

const session = (n: number, more: Partial<SessionRecord>): SessionRecord => ({
  id: `session-${n}`,
  key: `key ${n}`,
  startedAt: NOW - 26 * n * hour,
  signedInAt: NOW - 26 * n * hour,
  lastSeenAt: NOW - n * hour,
  network: '203.0.113.7',
  lastNetwork: '203.0.113.7',
  browser: 'Firefox',
  system: 'Linux',
  device: 'computer',
  amr: ['pwd'],
  remembered: true,
  ends: NOW + 100 * hour,
  ...more,
});

const family = (clientId: string, sessionKey: string): FamilyRecord => ({
  tag: clientId,
  family: clientId,
  accountId: ada.accountId,
  clientId,
  sessionKey,
  scopes: 'openid',
  offline: true,
  signedInAt: NOW,
  bornAt: NOW,
  idleUntil: NOW,
  absoluteUntil: NOW,
  refreshes: 0,
});

const {
  browser: _browser,
  system: _system,
  ...nameless
} = session(3, {
  lastNetwork: '2001:db8:85a3:1234::/64',
  device: 'other',
  remembered: false,
});

const app = (more: Partial<ConnectedApp>): ConnectedApp => ({
  clientId: 'orders',
  name: 'Orders',
  kind: 'app',
  vouched: 'operators',
  site: undefined,
  rights: [
    { title: 'Know that it\u2019s you', detail: undefined, sensitive: false, owner: undefined },
    { title: 'Read your orders', detail: undefined, sensitive: false, owner: 'Orders API' },
  ],
  acts: 0,
  since: NOW - 700 * hour,
  lastUsedAt: NOW - hour,
  lastNetwork: '203.0.113.7',
  living: 1,
  through: [],
  ...more,
});

export const deviceScenes: readonly Scene[] = [
  {
    ...mine,
    name: 'portal-devices',
    path: '/account/devices',
    portal: (portal) => {
      portal.sessions = [
        session(1, { browser: 'Mobile Safari', system: 'iOS', device: 'phone' }),
        session(2, { key: 'key of u' }),
        nameless,
      ];
      portal.families = [family('Orders', 'key of u'), family(LONG, 'key of u'), family('Calendar', 'key 1')];
    },
  },
  {
    ...mine,
    name: 'portal-devices-one',
    path: '/account/devices',
    portal: (portal) => {
      portal.sessions = [session(1, { key: 'key of u', lastNetwork: '198.51.100.4' })];
    },
  },
  {
    ...mine,
    name: 'portal-apps',
    path: '/account/apps',
    portal: (portal) => {
      portal.apps = [
        app({ through: ['Invoices', 'Ledger'], living: 3 }),
        app({
          clientId: 'https://agent.example.com/client.json',
          name: 'Notebook Agent',
          kind: 'agent',
          vouched: 'site',
          site: 'agent.example.com',
          rights: [
            { title: 'Act for you in Notes', detail: undefined, sensitive: false, owner: undefined },
            {
              title: 'Keep this access while you\u2019re away',
              detail: undefined,
              sensitive: true,
              owner: undefined,
            },
          ],
          acts: 4,
        }),
        app({ clientId: 'agent', name: LONG, kind: 'agent', vouched: 'nobody', lastNetwork: '198.51.100.4' }),
        app({ clientId: 'tv', name: 'Television', kind: 'device', lastUsedAt: undefined, living: 0 }),
      ];
    },
  },
  { ...mine, name: 'portal-apps-none', path: '/account/apps' },
  { ...mine, name: 'portal-data', path: '/account/data' },
  {
    ...mine,
    name: 'portal-data-too-many',
    path: '/account/data',
    act: async (at) => {
      await press(at, 'portal.data.download');
      await at.getByRole('alert').waitFor();
    },
  },
];
