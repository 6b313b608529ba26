/** The two ways in which an outbound request comes to nothing. Neither says more than the host: paths may hold secrets. */

export type RefusedReason =
  /** No URL, or too long. */
  | 'url'
  /** Not `https:`. */
  | 'scheme'
  /** A user name or password in the URL. */
  | 'credentials'
  /** An address that is not public and not listed. */
  | 'address';

export type FailedReason =
  | 'name'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'too-large'
  | 'encoding'
  | 'answer'
  | 'busy'
  | 'aborted'
  | 'closed';

/** Nothing was connected to: the guard forbids it. */
export class OutboundRefused extends Error {
  override readonly name = 'OutboundRefused';
  readonly reason: RefusedReason;
  /** The URL's host; empty when there is none. */
  readonly host: string;
  constructor(reason: RefusedReason, host: string, detail: string) {
    super(`outbound request refused (${reason}): ${detail}`);
    this.reason = reason;
    this.host = host;
  }
}

/** It was allowed and did not succeed. */
export class OutboundFailed extends Error {
  override readonly name = 'OutboundFailed';
  readonly reason: FailedReason;
  readonly host: string;
  constructor(reason: FailedReason, host: string, detail: string, options?: ErrorOptions) {
    super(`outbound request failed (${reason}): ${detail}`, options);
    this.reason = reason;
    this.host = host;
  }
}
