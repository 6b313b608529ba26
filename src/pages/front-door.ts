/**
 * What the hosted pages need from the rest of the house, as functions: the wiring hands them in. This room owns what
 * people see between an app and its sign-in; it knows no password, no token and no table.
 */
import type Koa from 'koa';
import type { Fault } from '../accounts/fault.ts';
import type { SaidByBrowser } from '../audit/catalogue.ts';
import type { SecondFactorPolicy } from '../config/second-factor.ts';
import type { Authenticators } from '../factors/authenticators.ts';
import type { Passkeys } from '../passkeys/passkeys.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { FormFields } from '../web/forms.ts';
import type { MailedFront } from './mailed-front.ts';
import type { ProofFront } from './proof-front.ts';
import type { SignUpFront } from './sign-up-front.ts';

/** What a page shows of a client (clients/client.ts). */
export interface PageClient {
  readonly clientId: string;
  readonly name: string;
  readonly firstParty?: boolean;
  /** Absent: by an operator. `dynamic`: nobody vouches for it; `metadata-document`: the site that its id names does. */
  readonly registered?: 'dynamic' | 'metadata-document';
  readonly redirectUris?: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  readonly logoUri?: string;
  readonly policyUri?: string;
  readonly tosUri?: string;
  readonly clientUri?: string;
  /** The ways in which people may sign in to it: `password`, `passkey`, `code` and providers by id; absent: all. */
  readonly signInWith?: readonly string[];
  readonly supportUri?: string;
  /** `#rrggbb`, readable on light and on dark pages. */
  readonly accent?: string;
  readonly accentDark?: string;
}

/** One authorization detail of a request, and the APIs of that request that it is for. */
export interface AskedDetail {
  readonly digest: string;
  readonly type: string;
  readonly audiences: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Rights by kind: OIDC scopes, single claims, scopes by audience, and authorization details. */
export interface Rights {
  readonly scopes: readonly string[];
  readonly claims: readonly string[];
  readonly resources: Readonly<Record<string, readonly string[]>>;
  readonly details?: readonly AskedDetail[];
}

/** One authorization that waits for this browser's person. */
export interface Visit {
  readonly uid: string;
  readonly prompt: 'login' | 'consent';
  /** Why the engine asks, for example 'max_age', 'login_prompt', 'no_session'. */
  readonly reasons: readonly string[];
  readonly client: PageClient;
  /** The authorization request's parameters. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Who is signed in already. */
  readonly accountId?: string | undefined;
  /** Asked for and not yet consented. Empty with prompt=consent when all was consented before. */
  readonly missing: Rights;
  readonly requested: Rights;
  /** Where the answer goes: the origin of the redirect URI, or, for a custom scheme, `scheme:`. */
  readonly redirectOrigin: string;
  /** It goes on at a device, not in this browser. */
  readonly onDevice?: boolean;
  /** What this sign-in has proved so far, or the session where only something is missing from it. Signs nobody in. */
  readonly proved?: Proved;
  /** What a proof of this request is added to: set by the dispatcher, at the steps that add to one (journey.ts). */
  readonly ground?: Proved;
  /** The level that the request demands, and the one that it wishes for (protocol/levels.ts). */
  readonly wanted?: { readonly must: 0 | 1 | 2 | 3; readonly wish: 0 | 1 | 2 | 3 };
}

export interface Proved extends SignIn {
  /** All is proved, and this page stands before the end (factor.ts, Interlude). */
  readonly pause?: string;
  /** Proved at an earlier sign-in: something may be added to it, but nothing set up on the strength of it. */
  readonly fromSession?: true;
}

export interface SignIn {
  readonly accountId: string;
  readonly amr: readonly string[];
  readonly remember: boolean;
  /** ms: from before the account was read for the check that has just passed. */
  readonly at: number;
  /** An unknown browser amid many failures: a password alone is not enough (next-need.ts). */
  readonly suspected?: true;
  /** The uid of the session that it builds on, if any. */
  readonly session?: string | undefined;
}

/** The protocol room as the pages see it. Those that end in a Promise<void> send the answer (a 303). */
export interface Protocol {
  /** The interaction of this browser and of the uid in the path; undefined: over, unknown, or another browser's. */
  visit(ctx: Koa.Context): Promise<Visit | undefined>;
  /** Keeps what was proved for the next step of this visit; undefined puts it aside. Sends nothing. */
  keepProof(ctx: Koa.Context, proved: Proved | undefined): Promise<void>;
  /** Every way of signing in ends here. To the pages it is journey.ts, which goes through the policy first. */
  finishSignIn(ctx: Koa.Context, visit: Visit, signIn: SignIn): Promise<void>;
  /** Records the consent and goes on. The decision comes from the stored visit, never from the form. */
  finishConsent(ctx: Koa.Context, visit: Visit, decision: Rights): Promise<void>;
  refuse(ctx: Koa.Context, visit: Visit, error: 'access_denied', description: string): Promise<void>;
  /** The single sign-on session of this browser. */
  session(ctx: Koa.Context): Promise<{ readonly accountId: string } | undefined>;
  /** Ends it, and what hangs on it. Sends nothing. @returns the name for `signedOutApps`, when there are any */
  signOut(ctx: Koa.Context): Promise<string | undefined>;
}

/** `email`: a code that is mailed for this sign-in, which no account has to set up. */
export type FactorKind = 'passkey' | 'totp' | 'recovery' | 'email';

export type FactorOutcome =
  /** `at`: ms, from before the account was read for the check. */
  | { readonly kind: 'ok'; readonly amr: readonly string[]; readonly at: number }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'locked' | 'busy'; readonly retryAfterSeconds: number };

export interface SecondFactor {
  readonly kind: FactorKind;
  /** Whether this account can be asked for it. */
  has(accountId: string): Promise<boolean>;
  /** What its part of the page shows besides the field: views/pages/second-factor.eta has it as `it.factor`. */
  view?(ctx: Koa.Context, visit: Visit, accountId: string): Promise<Readonly<Record<string, unknown>>>;
  /** A factor that is sent first, by a POST of its own. The same answer whether it went out or the budget is spent. */
  send?(ctx: Koa.Context, visit: Visit, accountId: string): Promise<void>;
  /** Counts the try before it looks (throttle/sign-in-throttle.ts), and spends what can be used once. */
  verify(ctx: Koa.Context, visit: Visit, accountId: string, fields: FormFields): Promise<FactorOutcome>;
}

export interface Person {
  readonly accountId: string;
  readonly email: string;
  readonly name?: string | undefined;
  /** The language that the person has chosen for the account (BCP 47). */
  readonly locale?: string | undefined;
  readonly administrator: boolean;
}

/** A verified device cookie (throttle/device-cookie.ts). */
export interface Device {
  readonly accountId: string;
  readonly passwordVersion: number;
  readonly deviceId: string;
}

export interface DeviceCookies {
  issue(accountId: string, passwordVersion: number): string;
  verify(value: string): Device | undefined;
}

/** The passkeys room (passkeys/passkeys.ts). */
export type PasskeyFront = Pick<Passkeys, 'rpId' | 'signingIn' | 'adding' | 'count'>;

/** accounts/authenticate.ts */
export type SignInOutcome =
  | {
      readonly kind: 'signed-in';
      readonly account: { readonly id: string; readonly passwordVersion: number };
      readonly amr: readonly string[];
      readonly at: number;
      readonly suspected?: 'account' | 'network' | undefined;
    }
  | { readonly kind: 'rejected' }
  /** Its holder deletes it; ms. Signing in with `keep` keeps it. */
  | { readonly kind: 'leaving'; readonly until: number }
  /** `admits` said no. */
  | { readonly kind: 'unproved' }
  | { readonly kind: 'locked'; readonly retryAfterSeconds: number }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

export type Authenticate = (attempt: {
  readonly email: string;
  readonly password: string;
  readonly network: string;
  readonly device?: Device;
  readonly keep?: boolean;
  /** Asked for a refusal that is recorded. */
  readonly browser?: () => SaidByBrowser;
  /** Asked for browsers that the account does not know. */
  readonly admits?: () => Promise<boolean>;
}) => Promise<SignInOutcome>;

/** The one-time link of the first start (accounts/setup-link.ts). */
export interface Setup {
  /** Whether the link is live. Uses nothing up. */
  isLive(token: string): Promise<boolean>;
  /** Makes the first administrator and uses the link up, both or neither. */
  complete(o: { token: string; email: string; name: string; password: string }): Promise<SetupOutcome>;
}

export type SetupOutcome =
  | { readonly kind: 'created' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'fault'; readonly field: 'email' | 'name' | 'password'; readonly fault: Fault }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

/** How an API tells of its authorization details (clients/authorization-types.ts). */
export interface AuthorizationTypeNames {
  readonly type: string;
  readonly description: string;
  readonly sensitive: readonly string[];
}

/** What a resource server and its scopes are called (clients/resource-server.ts). */
export interface ResourceNames {
  readonly name: string;
  readonly scopes: readonly { readonly name: string; readonly description?: string }[];
  readonly authorizationTypes?: readonly AuthorizationTypeNames[];
}

/** The apps that a sign-out reached, by name (src/signing-out.ts). */
export interface SignedOutApps {
  readonly told: readonly string[];
  readonly pending: readonly string[];
  readonly unreachable: readonly string[];
}

export interface FrontDoor {
  readonly protocol: Protocol;
  readonly authenticate: Authenticate;
  /** Absent where browsers make no passkeys. */
  readonly passkeys?: PasskeyFront | undefined;
  /** Strongest first. */
  readonly secondFactors: readonly SecondFactor[];
  /** The strictest that setting, client, roles and account say. */
  policyOf(accountId: string, clientId: string): Promise<SecondFactorPolicy>;
  /** Whether it is the app that asks for more than everything else does. */
  isAppsPolicy(accountId: string, clientId: string): Promise<boolean>;
  /** Authenticator apps, for the page that sets one up. */
  readonly authenticators: Pick<Authenticators, 'begin' | 'confirm'>;
  readonly deviceCookies: DeviceCookies;
  /** Signing in with others. */
  readonly upstream: Upstream;
  /** Active accounts only. */
  findPerson(accountId: string): Promise<Person | undefined>;
  /** Active clients only. */
  findClient(clientId: string): Promise<PageClient | undefined>;
  /** Undefined when there is nothing to tell of that sign-out. */
  signedOutApps(signOut: string | undefined): Promise<SignedOutApps | undefined>;
  findResource(audience: string): Promise<ResourceNames | undefined>;
  readonly networkOf: (address: string) => string;
  /** Of its User-Agent; costs some 50 µs. */
  readonly browserOf: (userAgent: string) => SaidByBrowser;
  readonly setup: Setup;
  /** Signs a person in to the front page itself; absent: people sign in from their apps only. */
  readonly signInUrl?: string;
  readonly passwordMinLength: number;
  /** Records that a first factor was right while the sign-in needs more (audit/catalogue.ts). */
  noteFirstFactor?(ctx: Koa.Context, signIn: SignIn): Promise<void>;
  /**
   * Somebody has signed in with this browser: its holder is told when the account does not know it.
   * @returns undefined when there is no such account any more
   */
  noteBrowser?(o: {
    readonly accountId: string;
    readonly device: Device | undefined;
    readonly app: string;
    readonly network: string;
    readonly userAgent: string;
    /** ms: when the first thing was proved. */
    readonly at: number;
  }): Promise<{ readonly passwordVersion: number } | undefined>;
  /** Absent where there is no mail. */
  readonly signUp?: SignUpFront | undefined;
  /** What strangers prove under pressure; absent: nothing. */
  readonly proof?: ProofFront | undefined;
  /** Links and codes by mail; absent where there is no mail. */
  readonly mailed?: MailedFront | undefined;
  /** Mails that are shown instead of sent, newest first; absent where there is a mail server or no mail. */
  readonly mailbox?: () => Promise<readonly BoxedMail[]>;
}

export interface BoxedMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** ms */
  readonly at: number;
}
