/** What this room needs of its neighbours, as functions: the wiring hands them in. */
import type { Kysely } from 'kysely';
import type { Actor } from '../audit/catalogue.ts';
import type { Database } from '../storage/tables.ts';

/** An account as far as it matters here. */
export interface KnownAccount {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly active: boolean;
}

export interface Address {
  /** As written. */
  readonly email: string;
  /** What one mailbox is, however it is written. */
  readonly canonical: string;
}

/** Where a request comes from, for the audit. */
export interface From {
  readonly network: string;
  readonly requestId?: string | undefined;
}

export interface By extends From {
  readonly actor: Actor;
}

export interface NewPerson {
  readonly email: string;
  readonly name: string;
  /** Of the provider: what the rules of a profile do not take is left out. */
  readonly profile: Readonly<Record<string, string>>;
}

export type Made =
  | { readonly kind: 'created'; readonly accountId: string }
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused' };

export interface UpstreamNeeds {
  /** Undefined when it is no address. */
  addressOf(text: string): Address | undefined;
  findByAddress(db: Kysely<Database>, canonical: string): Promise<KnownAccount | undefined>;
  /** By its id, after whatever change of it is under way. */
  findSettled(accountId: string): Promise<KnownAccount | undefined>;
  /** Whether an account may be made for this address. */
  signUpAllowed(canonical: string): Promise<boolean>;
  /** Makes an account with a verified address and no password, in the transaction. */
  makeAccount(trx: Kysely<Database>, person: NewPerson, by: By): Promise<Made>;
  /** Whether another mail to this address may be caused from there. */
  mayMail(canonical: string, network: string): Promise<boolean>;
  /** Counts a typed code of a network, before it is looked at. */
  admitCode(
    network: string,
  ): Promise<{ readonly kind: 'go' } | { readonly kind: 'wait'; readonly retryAfterSeconds: number }>;
  /** Mails a code that proves the address, for this subject; absent where there is no mail. */
  readonly mailCode?: (o: {
    subject: string;
    account: KnownAccount | undefined;
    email: string;
    provider: string;
    from: From;
    /** The page's language (BCP 47). */
    locale: string;
  }) => Promise<void>;
  /** Uses the code up. @returns whose it was: the account's id, or undefined when there was no account */
  redeemCode(
    trx: Kysely<Database>,
    subject: string,
    code: string,
  ): Promise<{ readonly accountId?: string | undefined } | undefined>;
  /** Locks the account, so that two ways of signing in that are taken away at once do not count on each other. */
  lockAccount(trx: Kysely<Database>, accountId: string): Promise<unknown>;
  /** Whether the account can be signed in to by anything but a provider: a password or a passkey. */
  hasOwnWayIn(trx: Kysely<Database>, accountId: string): Promise<boolean>;
  /** Tells the account holder, in the transaction of what has happened. */
  tell(
    trx: Kysely<Database>,
    kind: 'identity-linked' | 'identity-unlinked',
    o: { accountId: string; provider: string; key: string; from: From },
  ): Promise<void>;
}
