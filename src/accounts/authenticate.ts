import type { Account } from './account.ts';

/** Unknown, wrong, disabled and without a password are all `rejected`, and all cost one hash. */
export type SignInOutcome =
  | { readonly kind: 'signed-in'; readonly account: Account; readonly amr: ['pwd'] }
  | { readonly kind: 'rejected' }
  | { readonly kind: 'locked'; readonly retryAfterSeconds: number }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

export interface SignInAttempt {
  /** As typed. */
  readonly email: string;
  readonly password: string;
  /** throttle/networks.ts */
  readonly network: string;
  /** The value of the device cookie as the browser sent it, verified here. */
  readonly device?: string | undefined;
  readonly requestId?: string | undefined;
}

export type Authenticate = (attempt: SignInAttempt) => Promise<SignInOutcome>;
