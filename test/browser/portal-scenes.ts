/** The portal's pages in every state that is drawn differently. */
import type { AuditRecord } from '../../src/audit/search.ts';
import { ada } from '../pages/fake-front-door.ts';
import { NOW } from '../pages/fake-portal.ts';
import { deviceScenes } from './device-scenes.ts';
import type { Scene } from './scenes.ts';
import { fill, headed, press } from './words.ts';

const mine = { session: ada.accountId } as const;

const event = (
  n: number,
  more: Pick<AuditRecord, 'type' | 'detail'> & Partial<AuditRecord>,
): AuditRecord => ({
  id: String(n),
  at: NOW - n * 5_400_000,
  actor: { kind: 'account', id: ada.accountId },
  accountId: ada.accountId,
  network: '203.0.113.7',
  ...more,
});

const events: readonly AuditRecord[] = [
  event(1, {
    type: 'account.signed-in',
    detail: { amr: ['pwd'], remembered: true, browser: 'Chrome', system: 'Windows' },
  }),
  event(2, {
    type: 'account.sign-in-refused',
    detail: { reason: 'rejected' },
    actor: { kind: 'anonymous' },
    network: '2001:db8:85a3::/64',
  }),
  event(3, {
    type: 'consent.granted',
    detail: { scopes: ['openid'], claims: [], resources: {} },
    clientId: 'orders',
  }),
  event(4, { type: 'account.updated', detail: { fields: ['profile'] } }),
  event(5, {
    type: 'role.granted',
    detail: { role: 'accounting', audience: 'https://api.orders.example' },
    actor: { kind: 'operator' },
  }),
];

export const portalScenes: readonly Scene[] = [
  {
    ...mine,
    name: 'portal-overview',
    path: '/account',
    portal: (portal) => {
      portal.events = events;
      portal.lines = [
        { group: 'apps', text: 'portal.profile.topic', path: '/account/profile' },
        { group: 'sign-in', text: 'portal.connections.one', path: '/account/connections' },
      ];
    },
  },
  {
    ...mine,
    name: 'portal-overview-advice',
    path: '/account',
    portal: (portal) => {
      portal.events = Array.from({ length: 6 }, (_, n) =>
        event(n, { type: 'account.sign-in-refused', detail: { reason: 'rejected' } }),
      );
    },
  },
  {
    ...mine,
    name: 'portal-deletion-fault',
    path: '/account/delete',
    act: async (at) => {
      await fill(at, 'portal.deletion.type', 'somebody@example.com');
      await press(at, 'portal.deletion.button');
      await at.getByRole('alert').waitFor();
    },
  },
  {
    ...mine,
    name: 'portal-deletion-last',
    path: '/account/delete',
    portal: (portal) => {
      portal.lastAdministrator = true;
    },
  },
  {
    ...mine,
    name: 'portal-left',
    path: '/account/delete',
    act: async (at) => {
      await fill(at, 'portal.deletion.type', ada.email);
      await press(at, 'portal.deletion.button');
      await headed(at, 'portal.left.title');
    },
  },
  {
    ...mine,
    name: 'portal-unconfirmed',
    path: '/account/delete',
    portal: (portal) => {
      portal.isOld = true;
    },
  },
  {
    ...mine,
    name: 'portal-switched',
    path: '/account/delete',
    portal: (portal) => {
      portal.isOld = true;
      portal.switches = true;
    },
  },
  { ...mine, name: 'portal-email', path: '/account/email' },
  { ...mine, name: 'portal-email-code', path: '/account/email/code' },
  {
    ...mine,
    name: 'portal-password',
    path: '/account/password',
    act: async (at) => {
      await fill(at, 'portal.password.old', 'not it');
      await fill(at, 'portal.password.new', 'an umbrella in november');
      await press(at, 'portal.password.button');
      await at.getByRole('alert').waitFor();
    },
  },
  { ...mine, name: 'portal-profile', path: '/account/profile' },
  {
    ...mine,
    name: 'portal-profile-fault',
    path: '/account/profile',
    act: async (at) => {
      await fill(at, 'portal.profile.field.birthdate', '27 May');
      await press(at, 'portal.profile.save');
      await at.getByRole('alert').waitFor();
    },
  },
  {
    ...mine,
    name: 'portal-activity',
    path: '/account/activity',
    portal: (portal) => {
      portal.events = events;
    },
  },
  { ...mine, name: 'portal-activity-none', path: '/account/activity' },
  { ...mine, name: 'portal-two-step-none', path: '/account/two-step' },
  {
    ...mine,
    name: 'portal-two-step',
    path: '/account/two-step',
    portal: (portal) => {
      portal.factors = {
        authenticators: [
          { id: 'a1', name: 'Work phone', addedAt: NOW - 8_640_000_000, lastUsedAt: NOW - 3_600_000 },
          { id: 'a2', name: '', addedAt: NOW - 86_400_000 },
        ],
        recoveryCodes: { left: 2, madeAt: NOW - 8_640_000_000 },
      };
    },
  },
  {
    ...mine,
    name: 'portal-two-step-add',
    path: '/account/two-step/add',
    act: async (at) => {
      await press(at, 'enrolTotp.button');
      await at.getByRole('alert').waitFor();
    },
  },
  {
    ...mine,
    name: 'portal-recovery-codes',
    path: '/account/two-step/recovery-codes',
    act: async (at) => {
      await press(at, 'portal.twoStep.makeCodes');
      await at.getByText('BCDF-GHJK-LMNP').waitFor();
    },
  },
  ...deviceScenes,
];
