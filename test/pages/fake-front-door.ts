/** An in-memory stand-in for the rooms below the pages: real answers over HTTP, no engine, no database. */

import type Koa from 'koa';
import type { SecondFactorPolicy } from '../../src/config/second-factor.ts';
import { qrCodeOf } from '../../src/factors/qr-code.ts';
import { addressOfSecret } from '../../src/factors/totp.ts';
import type {
  BoxedMail,
  Device,
  FrontDoor,
  PageClient,
  Person,
  Protocol,
  ResourceNames,
  Rights,
  SecondFactor,
  SetupOutcome,
  SignedOutApps,
  SignInOutcome,
  Visit,
} from '../../src/pages/front-door.ts';
import type { Demand } from '../../src/pages/proof-front.ts';
import type { SignUpFront } from '../../src/pages/sign-up-front.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import type { ProviderButton, Standing } from '../../src/upstream/upstream-parts.ts';
import { fakeMailed } from './fake-mailed.ts';
import { createFakePasskeys, type FakePasskeys } from './fake-passkeys.ts';
import { fakeProof } from './fake-proof.ts';

export const NO_RIGHTS: Rights = { scopes: [], claims: [], resources: {} };

export const orders: PageClient = {
  clientId: 'orders',
  name: 'Orders',
  redirectUris: ['https://orders.example/callback'],
  postLogoutRedirectUris: ['https://www.orders.example/bye'],
  policyUri: 'https://orders.example/privacy',
  tosUri: 'https://orders.example/terms',
  clientUri: 'https://orders.example/',
};

export const ada: Person = {
  accountId: 'ada-1',
  email: 'ada@example.com',
  name: 'Ada Lovelace',
  administrator: false,
};

const resources: Readonly<Record<string, ResourceNames>> = {
  'https://api.orders.example': {
    name: 'Orders API',
    scopes: [{ name: 'orders:read', description: 'Read your orders' }, { name: 'orders:write' }],
  },
  'https://api.bank.example': {
    name: 'Example Bank',
    scopes: [],
    authorizationTypes: [
      {
        type: 'payment_initiation',
        description: 'Pay {amount.value} {amount.currency} to {creditorName}',
        sensitive: ['amount', 'creditorAccount.iban'],
      },
    ],
  },
};

/** The uid that addresses a visit must also stand in the browser's cookie, as with the engine. */
export const UID_COOKIE = 'test-interaction';
export const SESSION_COOKIE = 'test-session';

export interface Told {
  finishedSignIn: { uid: string; accountId: string; amr: readonly string[]; remember: boolean }[];
  finishedConsent: { uid: string; decision: Rights }[];
  refused: { uid: string; error: string }[];
  attempts: { email: string; password: string; network: string; device?: Device }[];
  setups: { token: string; email: string; name: string; password: string }[];
  signedOut: number;
}

export interface FakeFrontDoor extends FrontDoor {
  readonly visits: Map<string, Visit>;
  readonly people: Map<string, Person>;
  readonly clients: Map<string, PageClient>;
  readonly told: Told;
  outcome: SignInOutcome;
  policy: SecondFactorPolicy;
  /** Other providers on the sign-in page, and where somebody stands who came back from one. */
  providers: readonly ProviderButton[];
  standing: Standing | undefined;
  secondFactors: SecondFactor[];
  readonly passkeys: FakePasskeys;
  setupOutcome: SetupOutcome;
  setupToken: string | undefined;
  /** Makes the next `visit` throw. */
  fault: Error | undefined;
  /** What the next sign-out told which apps. */
  apps: SignedOutApps | undefined;
  appsPolicy?: boolean;
  /** How far this person's sign-up has come, and which addresses may. */
  signingUp: {
    offered: boolean;
    stand?: { email: string; proved: boolean };
    domains: readonly string[];
    ways?: { passkey: boolean; password: boolean };
  };
  /** What strangers must prove now. */
  demand: Demand | undefined;
  /** What the local mail box shows. */
  mails: readonly BoxedMail[];
}

export function visitOf(uid: string, more: Partial<Visit> = {}): Visit {
  return {
    uid,
    prompt: 'login',
    reasons: ['no_session'],
    client: orders,
    params: {
      client_id: 'orders',
      response_type: 'code',
      redirect_uri: 'https://orders.example/callback',
      scope: 'openid profile',
      state: 'st4te',
    },
    missing: NO_RIGHTS,
    requested: { scopes: ['openid', 'profile'], claims: [], resources: {} },
    redirectOrigin: 'https://orders.example',
    ...more,
  };
}

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const address = addressOfSecret(secret, { issuer: 'id.example.com', email: 'ada@example.com' });
/** The secret of RFC 6238 appendix B. */
export const enrolment = {
  qr: qrCodeOf(address),
  key: secret.match(/.{4}/g)?.join(' ') ?? '',
  address,
};
export const recoveryCodes = [
  'BCDF-GHJK-LMNP',
  'QRST-VWXZ-BCDF',
  'GHJK-LMNP-QRST',
  'VWXZ-BCDF-GHJK',
  'LMNP-QRST-VWXZ',
  'CDFG-HJKL-MNPQ',
  'RSTV-WXZB-CDFG',
  'HJKL-MNPQ-RSTV',
  'WXZB-CDFG-HJKL',
  'MNPQ-RSTV-WXZB',
];

export function createFakeFrontDoor(): FakeFrontDoor {
  const visits = new Map<string, Visit>();
  const people = new Map([[ada.accountId, ada]]);
  const clients = new Map([[orders.clientId, orders]]);
  const told: Told = {
    finishedSignIn: [],
    finishedConsent: [],
    refused: [],
    attempts: [],
    setups: [],
    signedOut: 0,
  };
  const leave = (ctx: Koa.Context, location: string): void => {
    ctx.status = 303;
    ctx.set('Location', location);
    ctx.body = '';
  };

  const protocol: Protocol = {
    async visit(ctx) {
      if (fake.fault) throw fake.fault;
      const uid = ctx.path.split('/')[2] ?? '';
      const mine = (ctx.cookies.get(UID_COOKIE) ?? '').split('.').includes(uid);
      return mine ? visits.get(uid) : undefined;
    },
    async keepProof(ctx, proved) {
      const uid = ctx.path.split('/')[2] ?? '';
      const { proved: _, ...visit } = visits.get(uid) ?? visitOf(uid);
      visits.set(uid, proved ? { ...visit, proved } : visit);
    },
    async finishSignIn(ctx, { uid, redirectOrigin }, { accountId, amr, remember }) {
      told.finishedSignIn.push({ uid, accountId, amr, remember });
      leave(ctx, `${redirectOrigin}/callback?code=${uid}`);
    },
    async finishConsent(ctx, { uid }, decision) {
      told.finishedConsent.push({ uid, decision });
      leave(ctx, `https://orders.example/callback?code=${uid}`);
    },
    async refuse(ctx, { uid }, error) {
      told.refused.push({ uid, error });
      leave(ctx, `https://orders.example/callback?error=${error}`);
    },
    async session(ctx) {
      const accountId = ctx.cookies.get(SESSION_COOKIE);
      return accountId === undefined ? undefined : { accountId };
    },
    async signOut(ctx) {
      told.signedOut += 1;
      ctx.cookies.set(SESSION_COOKIE, null);
      return fake.apps ? 'the-sign-out' : undefined;
    },
  };

  const fake: FakeFrontDoor = {
    visits,
    people,
    clients,
    told,
    outcome: { kind: 'rejected' },
    setupOutcome: { kind: 'created' },
    setupToken: undefined,
    fault: undefined,
    apps: undefined,
    signingUp: { offered: true, domains: [] },
    signUp: fakeSignUp(() => fake),
    demand: undefined,
    proof: fakeProof(() => fake.demand),
    mails: [],
    mailbox: async () => fake.mails,
    protocol,
    async authenticate(attempt) {
      const { admits, browser: _, ...said } = attempt;
      told.attempts.push(said);
      return admits && !(await admits()) ? { kind: 'unproved' } : fake.outcome;
    },
    providers: [],
    standing: undefined,
    upstream: fakeUpstream(() => fake),
    mailed: fakeMailed(),
    secondFactors: [],
    passkeys: createFakePasskeys(),
    policyOf: async () => fake.policy,
    isAppsPolicy: async () => fake.appsPolicy ?? true,
    policy: 'none',
    authenticators: {
      begin: async () => ({ kind: 'begun', enrolment }),
      confirm: async (_at, { code }) =>
        code === '123456'
          ? { kind: 'added', authenticator: { id: 'a', name: '', addedAt: 0 }, recoveryCodes, at: 0 }
          : { kind: 'wrong' },
    },
    deviceCookies: {
      issue: (accountId, passwordVersion) => `device-of.${accountId}.${passwordVersion}`,
      verify(value) {
        const [kind, accountId, version] = value.split('.');
        if (kind !== 'device-of' || accountId === undefined) return undefined;
        return { accountId, passwordVersion: Number(version), deviceId: 'd1' };
      },
    },
    noteBrowser: async () => ({
      passwordVersion: fake.outcome.kind === 'signed-in' ? fake.outcome.account.passwordVersion : 1,
    }),
    findPerson: async (accountId) => people.get(accountId),
    signedOutApps: async (signOut) => (signOut === 'the-sign-out' ? fake.apps : undefined),
    findClient: async (clientId) => clients.get(clientId),
    findResource: async (audience) => resources[audience],
    networkOf: (address) => address,
    browserOf: () => ({}),
    setup: {
      isLive: async (token) => token === fake.setupToken,
      async complete(setup) {
        told.setups.push(setup);
        return fake.setupOutcome;
      },
    },
    passwordMinLength: 12,
  };
  return fake;
}

/** Addresses are proved by 1234 5678; passwords are common. */
function fakeSignUp(fake: () => FakeFrontDoor): SignUpFront {
  return {
    /** Pages are made while it is. */
    get offered() {
      return fake()?.signingUp.offered ?? true;
    },
    get domains() {
      return fake().signingUp.domains;
    },
    begin: async ({ email }) => ({ kind: email.includes('@') ? 'sent' : 'no-address' }),
    stand: async () => fake().signingUp.stand,
    proveByCode: async (_visit, code) => ({ kind: code === '1234 5678' ? 'proved' : 'wrong' }),
    look: async () => undefined,
    proveByLink: async () => false,
    linkOfInvitation: async () => ({ kind: 'wrong' }),
    passkeys: true,
    ways: async () => fake().signingUp.ways ?? { passkey: true, password: true },
    passkeyOptions: async (_place, bound) =>
      fake().passkeys.adding.options({ id: 'new', email: 'new' }, bound),
    complete: async () => ({ kind: 'faults', faults: [{ field: 'password', key: 'passwordFault.common' }] }),
  };
}

/** A provider leads to a page of this server that stays where it is (204). */
function fakeUpstream(fake: () => FakeFrontDoor): Upstream {
  return {
    mailsCodes: true,
    buttons: async () => fake().providers,
    providerFor: async (email) => (email.endsWith('@corp.example') ? fake().providers[0] : undefined),
    begin: async ({ providerId }) => {
      const found = fake().providers.find(({ id }) => id === providerId);
      return found ? { kind: 'go', url: '/stays', name: found.name } : { kind: 'absent' };
    },
    keep: async () => undefined,
    receive: async () => ({ kind: 'gone' }),
    stand: async () => fake().standing,
    signIn: async () => undefined,
    sendCode: async () => true,
    proveByCode: async () => ({ kind: 'wrong' }),
    addressToProve: async () => undefined,
    proveByPassword: async () => false,
    join: async () => ({ kind: 'name' }),
    complete: async () => undefined,
    link: async () => undefined,
    list: async () => [],
    unlink: async () => 'absent',
    sweep: async () => 0,
  };
}
