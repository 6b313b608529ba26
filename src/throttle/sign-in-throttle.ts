export type ThrottleOutcome =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait'; readonly retryAfterSeconds: number };

export interface ThrottledAttempt {
  /** The canonical e-mail address, whether an account has it or not. */
  readonly account: string;
  /** networks.ts */
  readonly network: string;
  /** The id in a device cookie that has been verified for this account and its present password. */
  readonly device?: string | undefined;
}

export interface SignInThrottle {
  /** Counts the attempt, atomically and before anything is hashed. @throws StorageUnavailable */
  check(attempt: ThrottledAttempt): Promise<ThrottleOutcome>;
  /** The right password: the attempts of this account from this network or device are forgotten. */
  succeeded(attempt: ThrottledAttempt): Promise<void>;
  /** Nothing was hashed after all (the queue was full): the attempt is taken back. */
  released(attempt: ThrottledAttempt): Promise<void>;
  /** An operator opens the account now. */
  unlock(account: string): Promise<void>;
}
