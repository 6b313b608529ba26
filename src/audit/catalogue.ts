/**
 * The closed catalogue of what auditors can find later. An event that is not listed here does not pass the type check,
 * and neither does one with another detail. Details name things and count them; they never hold a token, code,
 * secret, password, cookie or link, nor what a person typed into a field.
 */

import type { EndReason } from '../storage/end-reasons.ts';

/** Who caused it. `operator` is the command line, `system` is Cardea itself (a timer), `anonymous` an unknown caller. */
export interface Actor {
  readonly kind: 'account' | 'client' | 'operator' | 'system' | 'anonymous';
  /** The account id or client id; absent for the other kinds. */
  readonly id?: string | undefined;
}

type None = Record<string, never>;

/** What the browser calls itself and its system (sessions/browser-names.ts): a claim, shown to the holder alone. */
export interface SaidByBrowser {
  readonly browser?: string | undefined;
  readonly system?: string | undefined;
}

/** The detail of each event. Times are milliseconds since the epoch, as everywhere inside. */
export interface AuditDetails {
  'account.created': { readonly emailVerified: boolean; readonly roles: readonly string[] };
  'account.updated': { readonly fields: readonly string[] };
  'account.password-set': { readonly by: 'self' | 'operator' | 'setup' | 'reset' };
  /** A mail with a new password's link was asked for, or nothing was written because too many were. */
  'account.reset-asked': { readonly written: boolean };
  'account.password-rehashed': None;
  /** The holder said by a mailed link that it was not them: signed out everywhere, and no password any more. */
  'account.not-me': { readonly addressRestored: boolean; readonly waysRemoved: number };
  /** All that the sign-in needed was proved: `amr` is the whole of it. */
  'account.signed-in': {
    readonly amr: readonly string[];
    readonly remembered: boolean;
  } & SaidByBrowser;
  /** The first factor of a sign-in that needs more; nobody is signed in by it. */
  'first-factor.accepted': { readonly amr: readonly string[] } & SaidByBrowser;
  'account.sign-in-refused': {
    readonly reason: 'rejected' | 'disabled' | 'locked' | 'busy';
  } & SaidByBrowser;
  /** The right password, of a browser that the account does not know, amid many failures on the account or the network. */
  'account.sign-in-suspected': { readonly unusual: 'account' | 'network' };
  'account.locked': { readonly retryAfterSeconds: number };
  'account.unlocked': None;
  /** `others`: everywhere but in the session that asked for it. */
  'account.signed-out': {
    readonly everywhere: boolean;
    readonly families: number;
    readonly others?: boolean | undefined;
  };
  /** The person took everything that is stored about the account along, as one archive. */
  'account.data-downloaded': None;
  'account.disabled': { readonly reason?: string | undefined };
  'account.enabled': None;
  'account.deleted': None;
  /** By its holder; ms: until then it can be kept. */
  'account.deletion-planned': { readonly until: number };
  'account.kept': { readonly by: 'sign-in' | 'link' };
  'invitation.created': {
    readonly invitationId: string;
    /** `audience role`, each. */
    readonly roles: readonly string[];
    readonly expiresAt: number;
  };
  'invitation.deleted': { readonly invitationId: string };
  'invitation.accepted': { readonly invitationId: string };
  'passkey.added': { readonly passkeyId: string; readonly synced: boolean };
  'passkey.renamed': { readonly passkeyId: string };
  'passkey.removed': { readonly passkeyId: string };
  /** Its counter did not grow although its signature was right: there may be a copy of it. It was refused. */
  'passkey.counter-went-back': { readonly passkeyId: string };
  'authenticator.added': { readonly authenticatorId: string };
  'authenticator.renamed': { readonly authenticatorId: string };
  'authenticator.removed': { readonly authenticatorId: string; readonly left: number };
  'recovery-codes.made': { readonly codes: number; readonly voided: number };
  /** The last factor that they stood beside was removed. */
  'recovery-codes.removed': { readonly voided: number };
  'second-factor.accepted': {
    readonly factor: 'totp' | 'recovery' | 'email';
    readonly authenticatorId?: string | undefined;
    /** Recovery codes that are unused now. */
    readonly left?: number | undefined;
  };
  /** `used`: right, but taken before. `locked`: not looked at. */
  'second-factor.refused': {
    readonly factor: 'totp' | 'recovery' | 'email';
    readonly reason: 'wrong' | 'used' | 'locked';
  };
  'role.created': {
    readonly role: string;
    readonly audience: string;
    readonly permissions: readonly string[];
    readonly secondFactor?: string;
  };
  'role.updated': {
    readonly role: string;
    readonly audience: string;
    readonly permissions: readonly string[];
    readonly secondFactor?: string;
  };
  'role.deleted': { readonly role: string; readonly audience: string };
  'role.granted': { readonly role: string; readonly audience: string };
  'role.revoked': { readonly role: string; readonly audience: string };
  'consent.granted': {
    readonly scopes: readonly string[];
    readonly claims: readonly string[];
    readonly resources: Readonly<Record<string, readonly string[]>>;
    /** Types of authorization details, never what stands in them. */
    readonly detailTypes?: readonly string[] | undefined;
  };
  'consent.refused': { readonly scopes: readonly string[] };
  'consent.withdrawn': None;
  'client.created': {
    readonly clientType: string;
    readonly firstParty: boolean;
    /** Absent: by an operator. */
    readonly registered?: 'dynamic' | 'metadata-document' | undefined;
  };
  'client.updated': { readonly fields: readonly string[] };
  /** It asked for a longer life of its tokens than the policy gives; seconds. */
  'client.lifetime-beyond-policy': {
    readonly member: string;
    readonly asked: number;
    readonly given: number;
  };
  'client.disabled': None;
  'client.enabled': None;
  'client.deleted': None;
  'client.secret-rotated': { readonly secretId: string; readonly othersExpireAt: number };
  'client.secret-deleted': { readonly secretIds: readonly string[] };
  'registration-token.created': {
    readonly tokenId: string;
    readonly maxUses: number;
    readonly expiresAt: number;
  };
  'registration-token.deleted': { readonly tokenId: string };
  'resource.created': { readonly audience: string; readonly scopes: readonly string[] };
  'resource.updated': { readonly audience: string; readonly fields: readonly string[] };
  'resource.deleted': { readonly audience: string };
  'key.created': { readonly kid: string; readonly alg: string; readonly state: string };
  'key.rotated': { readonly kid: string; readonly alg: string; readonly previousKid?: string | undefined };
  'key.removed': { readonly kid: string; readonly alg: string };
  'key.resealed': { readonly count: number };
  'token.issued': TokenDetail;
  'token.refreshed': TokenDetail;
  'token.exchanged': TokenDetail & {
    /** Whom the subject token was issued to. */
    readonly subjectClientId: string;
    /** How many act in the new token; 0: it names nobody (impersonation). */
    readonly actors: number;
  };
  'token.replayed': {
    readonly family: string;
    readonly token: 'refresh_token' | 'authorization_code' | 'device_code';
    readonly outcome: 'answered' | 'refused' | 'family-ended';
    /** Between its first use and this one, and where that first one came from (`network` is where this one did). */
    readonly millisecondsApart?: number | undefined;
    readonly firstNetwork?: string | undefined;
  };
  /** A JWT of 4 KB or more; of 8 KB or more it was refused. `claim` is its largest member. */
  'token.large': {
    readonly token: 'access_token' | 'id_token';
    readonly bytes: number;
    readonly claim: string;
  };
  'token.revoked': { readonly token: 'access_token' | 'refresh_token'; readonly family?: string | undefined };
  /** A code, refresh token or device code was refused; `reference` as the refused one was told it. */
  'grant.refused': {
    readonly reason: EndReason;
    readonly token: 'refresh_token' | 'authorization_code' | 'device_code';
    readonly family?: string | undefined;
    readonly reference: string;
  };
  'family.ended': {
    readonly families: number;
    readonly reason: EndReason;
    readonly family?: string | undefined;
  };
  'mail.sent': { readonly mail: string; readonly attempts: number };
  'mail.given-up': {
    readonly mail: string;
    readonly attempts: number;
    readonly cause: 'refused' | 'unreachable';
  };
  'session.started': { readonly remembered: boolean };
  'session.ended': { readonly reason: EndReason };
  /** A client was not told that the account signed out: its receiver did not answer in all those tries. */
  'logout.given-up': { readonly tries: number };
  'provider.created': { readonly provider: string; readonly issuer: string };
  'provider.updated': { readonly provider: string; readonly fields: readonly string[] };
  'provider.enabled': { readonly provider: string };
  'provider.disabled': { readonly provider: string };
  /** `identities`: how many accounts could sign in with it. */
  'provider.deleted': { readonly provider: string; readonly identities: number };
  /** Another way to sign in to the account: somebody at that provider. */
  'identity.linked': { readonly provider: string; readonly by: 'sign-up' | 'proof' | 'portal' };
  'identity.unlinked': { readonly provider: string };
  /** Somebody came back from another provider and did not get in. */
  'identity.refused': { readonly provider: string; readonly reason: string };
  'setup.link-made': { readonly expiresAt: number };
  'setup.completed': None;
}

/** What was issued: never the token, nor an opaque token's id, which is the token. */
export interface TokenDetail {
  readonly grantType: string;
  readonly format?: 'jwt' | 'opaque' | undefined;
  readonly audience?: string | undefined;
  readonly scope?: string | undefined;
  readonly family?: string | undefined;
}

export type AuditType = keyof AuditDetails;

/** What every event carries, as far as it is known. */
export interface AuditContext {
  readonly actor: Actor;
  readonly accountId?: string | undefined;
  readonly clientId?: string | undefined;
  /** The caller's network as throttle/networks.ts names it: an IPv4 address or an IPv6 /64. */
  readonly network?: string | undefined;
  readonly requestId?: string | undefined;
  /** Milliseconds since the epoch; the audit's own clock when absent. */
  readonly at?: number | undefined;
}

export type AuditEventOf<T extends AuditType> = AuditContext & {
  readonly type: T;
  readonly detail: AuditDetails[T];
};

/** One event: its type decides its detail. */
export type AuditEvent = { [T in AuditType]: AuditEventOf<T> }[AuditType];
