/** The pages of signing in with others in every state that is drawn differently. */
import type { ShownLink } from '../../src/upstream/links.ts';
import type { ProviderButton, Standing } from '../../src/upstream/upstream-parts.ts';
import { ada, orders } from '../pages/fake-front-door.ts';
import { NOW } from '../pages/fake-portal.ts';
import type { Scene } from './scenes.ts';
import { fill, headed, press } from './words.ts';

const path = '/interaction/visit-aaaaaaaaaaaaaaaa';
const email = 'grace.hopper@corp.example';
const google: ProviderButton = { id: 'google', name: 'Google' };
/** Names short, long, and from right to left. */
const providers: readonly ProviderButton[] = [
  google,
  { id: 'office', name: 'Landesverwaltungsamt Rheinland-Pfalz Nord' },
  { id: 'library', name: 'مكتبة' },
];
const withProviders: Scene['arrange'] = (front) => {
  front.providers = providers;
};
const back = (standing: Standing): Pick<Scene, 'path' | 'isBack' | 'arrange'> => ({
  path,
  isBack: true,
  arrange: (front) => {
    front.providers = providers;
    front.standing = standing;
  },
});

const links: readonly ShownLink[] = [
  { id: 'a', provider: google, email, linkedAt: NOW - 40 * 86_400_000, lastUsedAt: NOW - 3_600_000 },
  { id: 'b', provider: { id: 'library', name: 'مكتبة' }, linkedAt: NOW - 86_400_000 },
];
const mine: Pick<Scene, 'session' | 'portal'> = {
  session: ada.accountId,
  portal: (portal) => {
    portal.links = links;
    portal.providers = providers;
  },
};

export const upstreamScenes: readonly Scene[] = [
  { name: 'upstream-buttons', path, arrange: withProviders },
  {
    name: 'upstream-only-ways',
    path,
    visit: { client: { ...orders, signInWith: ['google', 'office'] } },
    arrange: withProviders,
  },
  { name: 'upstream-no-way', path, visit: { client: { ...orders, signInWith: ['nobody'] } } },
  {
    name: 'upstream-leave',
    path,
    visit: { client: { ...orders, signInWith: ['google'] } },
    arrange: withProviders,
  },
  {
    name: 'upstream-cancelled',
    ...back({ kind: 'failed', provider: google, reason: 'cancelled' }),
  },
  {
    name: 'upstream-unreachable',
    ...back({ kind: 'failed', provider: providers[1] ?? google, reason: 'unreachable' }),
  },
  { name: 'upstream-refused', ...back({ kind: 'failed', provider: google, reason: 'refused' }) },
  { name: 'upstream-prove', ...back({ kind: 'prove', provider: google, email }) },
  {
    name: 'upstream-prove-rejected',
    ...back({ kind: 'prove', provider: google, email }),
    act: async (at) => {
      await fill(at, 'form.password', 'not it');
      await press(at, 'upstream.prove.button');
      await at.getByRole('alert').waitFor();
    },
  },
  {
    name: 'upstream-prove-code',
    ...back({ kind: 'prove', provider: google, email }),
    act: async (at) => {
      await press(at, 'upstream.prove.send');
      await fill(at, 'upstream.prove.code', '0000 0000');
      await press(at, 'upstream.prove.codeButton');
      await at.getByRole('alert').waitFor();
    },
  },
  { name: 'upstream-join', ...back({ kind: 'join', provider: google, email, name: 'Grace Hopper' }) },
  {
    name: 'upstream-join-fault',
    ...back({ kind: 'join', provider: google, email, name: 'Grace Hopper' }),
    act: async (at) => {
      await press(at, 'upstream.join.button');
      await at.getByRole('alert').waitFor();
    },
  },
  { name: 'upstream-closed', ...back({ kind: 'closed', provider: google, email }) },
  { name: 'upstream-closed-no-email', ...back({ kind: 'closed', provider: google }) },
  { name: 'upstream-gone', path: '/upstream/callback/google' },
  {
    name: 'reset-elsewhere',
    path: '/reset',
    arrange: withProviders,
    act: async (at) => {
      await fill(at, 'form.email', email);
      await press(at, 'reset.button');
      await at.locator('#email').waitFor({ state: 'detached' });
    },
  },
  { ...mine, name: 'portal-connections', path: '/account/connections' },
  {
    name: 'portal-connections-none',
    session: ada.accountId,
    path: '/account/connections',
    portal: (portal) => {
      portal.providers = providers;
    },
  },
  {
    ...mine,
    name: 'portal-connection-leave',
    path: '/account/connections',
    act: async (at) => {
      await at.locator('button[name="provider"]').first().click();
      await at.waitForURL('**/connections/add');
      await headed(at, 'portal.connections.leaveTitle');
    },
  },
  {
    ...mine,
    name: 'portal-connection-last',
    path: '/account/connections/a/remove',
    act: async (at) => {
      await press(at, 'portal.connections.removeButton');
      await at.getByRole('alert').waitFor();
    },
  },
];
