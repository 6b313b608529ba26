/**
 * What the portal needs from the rest of the house, as functions: the wiring hands them in. This room owns the account
 * holder's own pages; it has no sign-in of its own: people come through the same front door as to any app.
 */
import type Koa from 'koa';
import type { Account } from '../accounts/account.ts';

/** The single sign-on session of the browser that asks. */
export interface PortalSession {
  readonly uid: string;
  readonly accountId: string;
  /** Seconds since the epoch: when the person last proved who they are. */
  readonly authTime: number;
  readonly amr: readonly string[];
  readonly acr?: string | undefined;
}

export interface PortalFront {
  /** Reads what has changed up to now, whatever other processes did (storage/lease.ts). @throws StorageUnavailable */
  renew(): Promise<void>;
  session(ctx: Koa.Context): Promise<PortalSession | undefined>;
  /** Active accounts only, as they are known under the lease of a second. */
  findAccount(accountId: string): Promise<Account | undefined>;
  /** The levels of sign-in (`acr`) that count as strong for this account, the one to ask for first. At least one. */
  strongLevels(accountId: string): Promise<readonly string[]>;
  networkOf(address: string): string;
  requestIdOf(ctx: Koa.Context): string;
}
