/** What is kept of a refused request. */

/** Put parameters through `describeReceived` (audit/received.ts) first: never a code, token or secret. */
export interface RefusalInput {
  /** Where: 'authorize', 'token', 'introspect', 'page' … */
  readonly kind: string;
  /** The rule that was broken, for example 'RFC 6749 section 4.1.3'. */
  readonly rule: string;
  /** The error code on the wire. */
  readonly error: string;
  readonly expected?: string | undefined;
  readonly received?: string | undefined;
  /** What the wire said (`error_description`). */
  readonly description?: string | undefined;
  /** What only we know: the engine's cause, and why a token's family had ended. */
  readonly cause?: string | undefined;
  /** Harmless parameters by name, as `sentParameters` (audit/sent.ts) keeps them. */
  readonly sent?: Readonly<Record<string, string>> | undefined;
  readonly clientId?: string | undefined;
  readonly accountId?: string | undefined;
  /** As throttle/networks.ts names it. */
  readonly network: string;
  readonly requestId?: string | undefined;
}

/** What is there of a reference. Times in milliseconds since the epoch. */
export type LookedUp =
  | { readonly kind: 'found'; readonly refusal: Refusal }
  /** Not the form of a reference at all. */
  | { readonly kind: 'malformed' }
  /** Its network had had its share of records within that window; only the answer was given. */
  | { readonly kind: 'sampled' }
  | { readonly kind: 'expired'; readonly expiredAt: number }
  | { readonly kind: 'unknown' };

/** A recorded refusal. Times are milliseconds since the epoch. */
export interface Refusal extends RefusalInput {
  readonly reference: string;
  readonly at: number;
  readonly expiresAt: number;
}
