/** Every hosted page in every state that is drawn differently. */

import type Koa from 'koa';
import type { Page } from 'playwright-core';
import { passwordFault } from '../../src/accounts/password-rules.ts';
import type { DeviceViews } from '../../src/pages/device-views.ts';
import type {
  AskedDetail,
  FactorKind,
  SecondFactor,
  SignedOutApps,
  Visit,
} from '../../src/pages/front-door.ts';
import { createPasskeyFactor } from '../../src/pages/passkey-factor.ts';
import type { LogoutConfirmView, ProtocolViews } from '../../src/pages/protocol-views.ts';
import type { Passkey } from '../../src/passkeys/passkey.ts';
import { ada, type FakeFrontDoor, orders, visitOf } from '../pages/fake-front-door.ts';
import { type FakePortal, NOW } from '../pages/fake-portal.ts';
import { mailedScenes } from './mailed-scenes.ts';
import { portalScenes } from './portal-scenes.ts';
import { proofScenes } from './proof-scenes.ts';
import { signUpScenes } from './sign-up-scenes.ts';
import { upstreamScenes } from './upstream-scenes.ts';
import { fill, headed, press } from './words.ts';

export const UID = 'visit-aaaaaaaaaaaaaaaa';
export const TOKEN = 'setup-token-0123456789';

export interface Scene {
  readonly name: string;
  readonly path: string;
  readonly visit?: Partial<Visit>;
  /** Who is signed in. */
  readonly session?: string;
  /** Back from another provider. */
  readonly isBack?: boolean;
  readonly arrange?: (front: FakeFrontDoor) => void;
  readonly portal?: (portal: FakePortal) => void;
  readonly act?: (page: Page) => Promise<void>;
}

const page = `/interaction/${UID}`;
const rights = {
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  claims: [],
  resources: { 'https://api.orders.example': ['orders:read'] },
};

const payment: AskedDetail = {
  digest: 'a',
  type: 'payment_initiation',
  audiences: ['https://api.bank.example'],
  detail: {
    type: 'payment_initiation',
    amount: { value: '129.90', currency: 'EUR' },
    creditorName: 'Landesverwaltungsamt Rheinland-Pfalz',
    creditorAccount: { iban: 'DE02100100109307118603' },
    actions: ['initiate', 'status', 'cancel'],
  },
};
const unknownDetail: AskedDetail = {
  digest: 'b',
  type: 'urn:example:archive',
  audiences: ['https://archive.example.com'],
  detail: {
    type: 'urn:example:archive',
    identifier: 'folder-1234567890-abcdefghijklmnopqrstuvwxyz-0987654321',
  },
};

const signedInByPassword = { accountId: ada.accountId, amr: ['pwd'], remember: true, at: 0 };
const passwordOnly = { proved: signedInByPassword };
const demandFactor = (front: FakeFrontDoor): void => {
  front.policy = 'required';
};
const provedByPassword = { accountId: ada.accountId, amr: ['pwd'], remember: true, at: 1_000 };

const onePasskey: Passkey = {
  id: 'passkey-1',
  accountId: ada.accountId,
  credentialId: 'AAAA',
  userHandle: 'BBBB',
  rpId: 'localhost',
  transports: ['internal'],
  synced: true,
  aaguid: '',
  keeper: 'Google Password Manager',
  createdAt: NOW - 40 * 86_400_000,
  lastUsedAt: NOW,
};
const somePasskeys: readonly Passkey[] = [
  onePasskey,
  { ...onePasskey, id: 'passkey-2', name: 'The key on my key ring', synced: false, lastUsedAt: undefined },
  { ...onePasskey, id: 'passkey-3', rpId: 'old.example', keeper: undefined },
];
const codeFactor = (kind: FactorKind): SecondFactor => ({
  kind,
  has: async () => true,
  view: async () => ({ waiting: false }),
  verify: async () => ({ kind: 'wrong' }),
  ...(kind === 'email' && { send: async () => undefined }),
});
const askCode = (front: FakeFrontDoor): void => {
  front.policy = 'optional';
  front.secondFactors.push(codeFactor('totp'), codeFactor('recovery'));
};

/** Names short, long, and from right to left. */
const someApps: SignedOutApps = {
  told: ['Orders', 'Landesverwaltungsamt Rheinland-Pfalz Bestellwesenverwaltung Nord'],
  pending: ['Calendar'],
  unreachable: ['Photo archive', 'مكتبة'],
};

async function signIn(at: Page): Promise<void> {
  await fill(at, 'form.email', 'ada@example.com');
  await fill(at, 'form.password', 'not the password');
  await press(at, 'signIn.button');
  await at.getByRole('alert').waitFor();
}

export const scenes: readonly Scene[] = [
  { name: 'sign-in', path: page },
  { name: 'sign-in-rejected', path: page, act: signIn },
  {
    name: 'sign-in-locked',
    path: page,
    arrange: (front) => {
      front.outcome = { kind: 'locked', retryAfterSeconds: 600 };
    },
    act: signIn,
  },
  {
    name: 'sign-in-missing',
    path: page,
    act: async (at) => {
      await press(at, 'signIn.button');
      await at.getByRole('alert').waitFor();
    },
  },
  {
    name: 'passkey-offer',
    path: page,
    visit: { proved: { ...provedByPassword, pause: 'offer' } },
  },
  {
    name: 'passkey-offer-elsewhere',
    path: page,
    visit: { proved: { ...provedByPassword, amr: ['pop', 'user', 'mfa'], pause: 'offer' } },
  },
  {
    name: 'passkey-enrol',
    path: `${page}?factor=passkey`,
    visit: { proved: provedByPassword },
    arrange: (front) => {
      front.policy = 'passkey';
    },
  },
  {
    name: 'passkey-factor',
    path: page,
    visit: { proved: provedByPassword },
    arrange: (front) => {
      front.policy = 'passkey';
      front.passkeys.counts.set(ada.accountId, 1);
      const networkOf = (address: string) => address;
      const csrf = { issue: () => 'word of this page' };
      front.secondFactors.push(
        createPasskeyFactor({ passkeys: front.passkeys, csrf, base: '', networkOf, browserOf: () => ({}) }),
      );
    },
  },
  {
    name: 'sign-in-leaving',
    path: page,
    arrange: (front) => {
      front.outcome = { kind: 'leaving', until: Date.UTC(2026, 11, 9) };
    },
    act: signIn,
  },
  { name: 'sign-in-again', path: page, visit: { accountId: ada.accountId, reasons: ['max_age'] } },
  {
    name: 'sign-in-long-name',
    path: page,
    visit: {
      client: { ...orders, name: 'Landesverwaltungsamt Rheinland-Pfalz Bestellwesenverwaltung Nord' },
    },
  },
  {
    name: 'consent',
    path: page,
    visit: { prompt: 'consent', accountId: ada.accountId, missing: rights, requested: rights },
  },
  {
    name: 'consent-unverified',
    path: page,
    visit: {
      prompt: 'consent',
      accountId: ada.accountId,
      missing: { scopes: ['openid', 'email'], claims: [], resources: {} },
      client: { clientId: 'agent', name: 'Research Agent', registered: 'dynamic' },
      redirectOrigin: 'com.example.agent:',
    },
  },
  {
    name: 'consent-vouched',
    path: page,
    visit: {
      prompt: 'consent',
      accountId: ada.accountId,
      missing: rights,
      requested: rights,
      client: {
        clientId: 'https://agent.example.com/oauth/client.json',
        name: 'Google',
        registered: 'metadata-document',
      },
      redirectOrigin: 'https://agent.example.com',
    },
  },
  {
    name: 'consent-vouched-on-device',
    path: page,
    visit: {
      prompt: 'consent',
      accountId: ada.accountId,
      missing: { scopes: ['openid'], claims: [], resources: { 'https://bare.example.com': [] } },
      client: {
        clientId: 'https://agent.example.com/oauth/client.json',
        name: 'Notebook Agent',
        registered: 'metadata-document',
      },
      redirectOrigin: 'http://127.0.0.1:33418',
    },
  },
  {
    name: 'consent-details',
    path: page,
    visit: {
      prompt: 'consent',
      accountId: ada.accountId,
      missing: { scopes: ['openid'], claims: [], resources: {}, details: [payment, unknownDetail] },
    },
  },
  { name: 'second-factor', path: page, visit: passwordOnly, arrange: askCode },
  {
    name: 'second-factor-wrong',
    path: page,
    visit: passwordOnly,
    arrange: askCode,
    act: async (at) => {
      await fill(at, 'secondFactor.totp.label', '123456');
      await press(at, 'secondFactor.button');
      await at.getByRole('alert').waitFor();
    },
  },
  {
    name: 'second-factor-mail',
    path: page,
    visit: { ...passwordOnly, wanted: { must: 2, wish: 2 } },
    arrange: (front) => {
      front.secondFactors.push(codeFactor('email'));
    },
  },
  { name: 'enrol', path: page, visit: passwordOnly, arrange: demandFactor },
  { name: 'enrol-totp', path: `${page}?factor=totp`, visit: passwordOnly, arrange: demandFactor },
  {
    name: 'enrol-totp-wrong',
    path: `${page}?factor=totp`,
    visit: passwordOnly,
    arrange: demandFactor,
    act: async (at) => {
      await fill(at, 'secondFactor.totp.label', '000000');
      await press(at, 'enrolTotp.button');
      await at.getByRole('alert').waitFor();
    },
  },
  {
    name: 'recovery-codes',
    path: `${page}?factor=totp`,
    visit: passwordOnly,
    arrange: demandFactor,
    act: async (at) => {
      await fill(at, 'secondFactor.totp.label', '123456');
      await press(at, 'enrolTotp.button');
      await headed(at, 'recoveryCodes.title');
    },
  },
  {
    name: 'recovery-codes-gone',
    path: page,
    visit: { proved: { ...signedInByPassword, amr: ['pwd', 'otp', 'mfa'], pause: 'enrolled' } },
  },
  { name: 'stale', path: '/interaction/visit-zzzzzzzzzzzzzzzz' },
  ...mailedScenes(page),
  ...proofScenes(page),
  { name: 'front', path: '/' },
  { name: 'account', path: '/', session: 'ada-1' },
  { name: 'account-administrator', path: '/', session: 'root-1' },
  { name: 'signed-out-here', path: '/signed-out' },
  { name: 'setup', path: `/setup/${TOKEN}` },
  {
    name: 'setup-fault',
    path: `/setup/${TOKEN}`,
    arrange: (front) => {
      front.setupOutcome = {
        kind: 'fault',
        field: 'password',
        fault: passwordFault('common'),
      };
    },
    act: async (at) => {
      await fill(at, 'form.email', 'root@example.com');
      await fill(at, 'form.password', 'password1234');
      await press(at, 'setup.button');
      await at.getByRole('alert').waitFor();
    },
  },
  { name: 'setup-done', path: '/setup-done' },
  { name: 'mailbox-empty', path: '/mailbox' },
  {
    name: 'mailbox',
    path: '/mailbox',
    arrange: (front) => {
      front.mails = [1, 2].map((n) => ({
        to: 'ada@example.com',
        subject: 'A sign-in of yours at Orders was ended',
        text: `A sign-in of yours at Orders was ended\n\nThe two uses were ${n} s apart.\n\nYour account at localhost:3000:\nhttp://localhost:3000/\n`,
        at: Date.UTC(2026, 10, 25, 16, n),
      }));
    },
  },
  { name: 'setup-gone', path: '/setup/another-token-0123456789' },
  { name: 'not-found', path: '/nowhere' },
  { name: 'logout', path: '/t/logout' },
  { name: 'logout-another', path: '/t/logout-another' },
  { name: 'signed-out', path: '/t/signed-out' },
  { name: 'signed-out-apps', path: '/t/signed-out-apps' },
  { name: 'signed-out-all-told', path: '/t/signed-out-all-told' },
  { name: 'error', path: '/t/error' },
  { name: 'device-code', path: '/t/device-code' },
  { name: 'device-code-unknown', path: '/t/device-code-unknown' },
  { name: 'device-confirm', path: '/t/device-confirm' },
  { name: 'device-connected', path: '/t/device-connected' },
  { name: 'device-declined', path: '/t/device-declined' },
  { name: 'device-stale', path: '/t/device-stale' },
  {
    name: 'consent-device',
    path: page,
    visit: {
      prompt: 'consent',
      accountId: ada.accountId,
      missing: { scopes: ['openid', 'offline_access'], claims: [], resources: {} },
      redirectOrigin: '',
      onDevice: true,
    },
  },
  ...portalScenes,
  ...signUpScenes,
  ...upstreamScenes,
  { name: 'portal-passkeys-none', path: '/account/passkeys', session: 'ada-1' },
  {
    name: 'portal-passkeys',
    path: '/account/passkeys',
    session: 'ada-1',
    portal: (portal) => {
      portal.passkeys = somePasskeys;
    },
  },
  {
    name: 'portal-passkey-new',
    path: '/account/passkeys/new',
    session: 'ada-1',
    act: (at) => at.locator('button[data-act]').waitFor(),
  },
  {
    name: 'portal-passkey-rename',
    path: '/account/passkeys/passkey-2',
    session: 'ada-1',
    portal: (portal) => {
      portal.passkeys = somePasskeys;
    },
  },
  {
    name: 'portal-passkey-last',
    path: '/account/passkeys/passkey-1/remove',
    session: 'ada-1',
    portal: (portal) => {
      portal.passkeys = somePasskeys;
    },
    act: async (at) => {
      await at.locator('.portal-form button').click();
      await at.getByRole('alert').waitFor();
    },
  },
];

/** The stored state that a scene starts from. */
export function arrange({ front, portal }: { front: FakeFrontDoor; portal: FakePortal }, scene: Scene): void {
  front.visits.set(UID, visitOf(UID, scene.visit));
  front.people.set('root-1', { accountId: 'root-1', email: 'root@example.com', administrator: true });
  front.outcome = { kind: 'rejected' };
  front.policy = 'none';
  front.setupOutcome = { kind: 'created' };
  front.setupToken = TOKEN;
  front.mails = [];
  front.signingUp = { offered: false, domains: [] };
  front.demand = undefined;
  front.policy = 'none';
  front.providers = [];
  front.standing = undefined;
  front.secondFactors.length = 0;
  portal.reset();
  scene.arrange?.(front);
  scene.portal?.(portal);
}

/** The pages that the engine asks for, each at an address of its own, and a client that receives a form. */
export function enginePages(views: ProtocolViews, device: DeviceViews): Koa.Middleware {
  const codeForm = { action: '/t/received', xsrf: 'x', userCode: '' };
  const logoutForm: LogoutConfirmView = {
    formAction: '/t/received',
    fields: [{ name: 'xsrf', value: 'x' }],
    confirm: { name: 'logout', value: 'yes' },
    person: ada,
  };
  const wayOn = { url: 'https://orders.example/bye?state=back', label: 'Orders' };
  const pages: Readonly<Record<string, (ctx: Koa.Context) => string>> = {
    '/t/logout': (ctx) => views.renderLogoutConfirm(ctx, { ...logoutForm, client: orders }),
    '/t/logout-another': (ctx) => views.renderLogoutConfirm(ctx, { ...logoutForm, notice: 'logout.another' }),
    '/t/signed-out': (ctx) => views.renderSignedOut(ctx, { client: orders }),
    '/t/signed-out-apps': (ctx) => views.renderSignedOut(ctx, { client: orders, wayOn, apps: someApps }),
    '/t/signed-out-all-told': (ctx) =>
      views.renderSignedOut(ctx, { apps: { told: ['Orders', 'Calendar'], pending: [], unreachable: [] } }),
    '/t/error': (ctx) =>
      views.renderError(ctx, {
        code: 'invalid_redirect_uri',
        detail: "redirect_uri did not match any of the client's registered redirect_uris",
        reference: 'K7QF-2M9D',
        client: orders,
      }),
    '/t/form-post': (ctx) =>
      views.renderFormPost(ctx, {
        action: '/t/received',
        fields: [{ name: 'submit', value: 'c0de' }],
        client: orders,
      }),
    '/t/device-code': (ctx) => device.renderCodeEntry(ctx, codeForm),
    '/t/device-code-unknown': (ctx) =>
      device.renderCodeEntry(ctx, { ...codeForm, userCode: 'WDJB-MJHT', fault: 'unknown' }),
    '/t/device-confirm': (ctx) =>
      device.renderDeviceConfirm(ctx, {
        ...codeForm,
        userCode: 'WDJB-MJHT',
        client: orders,
        address: '2001:db8:85a3::8a2e:370:7334',
        isHere: false,
        askedAt: Date.UTC(2026, 10, 25, 16, 40),
        now: Date.UTC(2026, 10, 25, 16, 43),
      }),
    '/t/device-connected': (ctx) => device.renderDeviceDone(ctx, { outcome: 'connected', client: orders }),
    '/t/device-stale': (ctx) => device.renderDeviceDone(ctx, { outcome: 'stale' }),
    '/t/device-declined': (ctx) => device.renderDeviceDone(ctx, { outcome: 'declined' }),
    '/t/received': () => '<!doctype html><html lang="en"><title>received</title></html>',
  };
  return (ctx, next) => {
    // A front door through which people come back as they went.
    if (ctx.path === '/oauth2/authorize') {
      ctx.redirect(`${ctx.query.redirect_uri}?${new URLSearchParams({ state: String(ctx.query.state) })}`);
      return undefined;
    }
    // Where another provider would be: nothing comes, and the page that leaves stays to be looked at.
    if (ctx.path === '/stays') {
      ctx.status = 204;
      return undefined;
    }
    const render = pages[ctx.path];
    if (!render) return next();
    ctx.body = render(ctx);
    ctx.type = 'html';
    return undefined;
  };
}
