/**
 * What a token needs to know of the account or service client behind it, kept in memory under the one-second lease:
 * may it act at all, what of it has ended, and which roles does it hold at which resource server.
 */
import type { Account } from './account.ts';

/** What a holder may do at one resource server; both lists sorted. */
export interface Access {
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
}

export interface Standing {
  readonly account: Account;
  /** Milliseconds: what was born at or before this, a family of that client or any session, is dead. 0 = nothing. */
  endedBefore(clientId?: string): number;
  readonly endReason?: string | undefined;
  /** Roles and permissions at that audience only; empty lists when there are none. */
  access(audience: string): Access;
  /** The audiences at which the account holds a role. */
  readonly audiences: readonly string[];
}

export interface Standings {
  /** Undefined: unknown, deleted or disabled. @throws StorageUnavailable when the lease has lapsed and SQL is away */
  get(accountId: string): Promise<Standing | undefined>;
}

/** The roles of service clients, by client id. A client without roles has empty lists, known or not. */
export interface ClientAccess {
  get(clientId: string): Promise<{ access(audience: string): Access; readonly audiences: readonly string[] }>;
}
