import type { By } from './account.ts';

/** What a person has allowed a client, for good: it outlives sessions, tokens and Redis. */
export interface Consent {
  readonly accountId: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly claims: readonly string[];
  /** Audience → scopes of that resource server. */
  readonly resources: Readonly<Record<string, readonly string[]>>;
  /** Milliseconds since the epoch: the first time, and the last change. */
  readonly grantedAt: number;
  readonly updatedAt: number;
}

export interface Allowed {
  readonly scopes?: readonly string[];
  readonly claims?: readonly string[];
  readonly resources?: Readonly<Record<string, readonly string[]>>;
}

export interface Consents {
  find(accountId: string, clientId: string): Promise<Consent | undefined>;
  /** Newest change first. */
  list(accountId: string): Promise<readonly Consent[]>;
  /** Adds to what is there; answers the whole. Undefined when the account is gone. */
  record(accountId: string, clientId: string, allowed: Allowed, by: By): Promise<Consent | undefined>;
  /** Ends every family of the pair. False when there was none. */
  withdraw(accountId: string, clientId: string, by: By): Promise<boolean>;
}
