/**
 * What a passkey is here. Owned by this room: credentials and all that is checked of them, their challenges, what the
 * authenticator knows an account as. Not owned: accounts and their other ways in, sessions, pages.
 */
import type { Kysely } from 'kysely';
import type { Actor } from '../audit/catalogue.ts';
import type { Database } from '../storage/tables.ts';

export interface Passkey {
  readonly id: string;
  readonly accountId: string;
  /** Base64url. */
  readonly credentialId: string;
  /** Base64url. */
  readonly userHandle: string;
  /** The relying party that it was made for, and answers to alone. */
  readonly rpId: string;
  readonly transports: readonly string[];
  /** It may live on several devices: its maker copies it (WebAuthn Level 3 section 6.1.3). */
  readonly synced: boolean;
  readonly aaguid: string;
  /** Given by the person. */
  readonly name?: string | undefined;
  /** The product that keeps it, where its maker says so. */
  readonly keeper?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly lastUsedAt?: number | undefined;
}

/** What the authenticator has shown and has been checked; not stored yet. */
export interface VerifiedPasskey {
  readonly credentialId: string;
  readonly userHandle: string;
  /** COSE_Key, base64url. */
  readonly publicKey: string;
  readonly signCount: number;
  readonly transports: readonly string[];
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  readonly aaguid: string;
}

/** Who a passkey is made for: an account, or a sign-up that will become one. */
export interface Holder {
  /** The account's id, or an id of the sign-up that no account has. */
  readonly id: string;
  readonly email: string;
  readonly name?: string | undefined;
}

/** Who acts, and over which network. */
export interface By {
  readonly actor: Actor;
  readonly network?: string | undefined;
  readonly requestId?: string | undefined;
}

/** What the rest of the house knows of the account behind a passkey. */
export interface HolderAccount {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly status: 'active' | 'disabled' | 'leaving';
  readonly passwordVersion: number;
}

/** The accounts room, as functions. Each takes the connection or transaction to work in. */
export interface HolderAccounts {
  /** The account as it is once a change that is under way has ended. */
  settled(db: Kysely<Database>, accountId: string): Promise<HolderAccount | undefined>;
  /** The same, held until the transaction ends. */
  lock(trx: Kysely<Database>, accountId: string): Promise<HolderAccount | undefined>;
  /** Whether the person gets in without any passkey. */
  hasOtherWayIn(trx: Kysely<Database>, accountId: string): Promise<boolean>;
}

export type AddOutcome =
  /** `at`: ms, from before the account was read. */
  | { readonly kind: 'added'; readonly passkey: Passkey; readonly at: number }
  /** It was shown too late, twice, or for another page. */
  | { readonly kind: 'stale' }
  /** The credential is known already, of this account or another one. */
  | { readonly kind: 'known' }
  | { readonly kind: 'full'; readonly most: number }
  | { readonly kind: 'rejected' };

export type PasskeySignIn =
  | {
      readonly kind: 'signed-in';
      readonly account: HolderAccount;
      readonly passkey: Passkey;
      readonly amr: readonly ['pop', 'user', 'mfa'];
      /** The passkey came from another device by way of this one's screen, and this one has none of its own for it. */
      readonly fromAnotherDevice: boolean;
      /** ms: from before the account was read. */
      readonly at: number;
    }
  | { readonly kind: 'stale' }
  /** `unknown`: no such credential is known here, so whatever keeps it may forget it. */
  | { readonly kind: 'rejected'; readonly unknown?: string | undefined }
  | { readonly kind: 'locked'; readonly retryAfterSeconds: number };

export type RemoveOutcome =
  | { readonly kind: 'removed' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'last' };
