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
  readonly clientId?: string | undefined;
  readonly accountId?: string | undefined;
  /** As throttle/networks.ts names it. */
  readonly network: string;
  readonly requestId?: string | undefined;
}

/** A recorded refusal. Times are milliseconds since the epoch. */
export interface Refusal extends RefusalInput {
  readonly reference: string;
  readonly at: number;
  readonly expiresAt: number;
}
