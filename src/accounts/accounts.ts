import type { Account, By, Fault } from './account.ts';
import type { Profile, ProfileChange } from './profile.ts';

/** A role by name; the audience may be left out when only one resource server has a role of that name. */
export interface RoleReference {
  readonly role: string;
  readonly audience?: string | undefined;
}

export interface NewAccount {
  readonly email: string;
  readonly name?: string | undefined;
  readonly emailVerified?: boolean | undefined;
  readonly password?: string | undefined;
  readonly roles?: readonly RoleReference[] | undefined;
  readonly profile?: Profile | undefined;
}

export interface AccountChange {
  readonly email?: string | undefined;
  readonly profile?: ProfileChange | undefined;
}

export type Changed = { readonly kind: 'changed'; readonly account: Account } | { readonly kind: 'absent' };
export type Faulty = { readonly kind: 'faults'; readonly faults: readonly Fault[] };
export type Taken = { readonly kind: 'taken' };
export type Busy = { readonly kind: 'busy'; readonly retryAfterSeconds: number };

export interface Accounts {
  create(input: NewAccount, by: By): Promise<{ kind: 'created'; account: Account } | Taken | Faulty | Busy>;
  find(id: string): Promise<Account | undefined>;
  findByEmail(email: string): Promise<Account | undefined>;
  /** Oldest first; `next` is the `after` of the next page. `limit` 1..200, 50 when not given. */
  list(page?: { after?: string | undefined; limit?: number | undefined }): Promise<{
    accounts: readonly Account[];
    next?: string | undefined;
  }>;
  update(id: string, change: AccountChange, by: By): Promise<Changed | Taken | Faulty>;
  setEmailVerified(id: string, verified: boolean, by: By): Promise<Changed>;
  /** Ends every session and family of the account. */
  setPassword(id: string, password: string, by: By): Promise<Changed | Faulty | Busy>;
  disable(id: string, by: By, reason?: string): Promise<Changed>;
  enable(id: string, by: By): Promise<Changed>;
  delete(id: string, by: By): Promise<boolean>;
}
