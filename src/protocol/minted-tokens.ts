/**
 * Access tokens of a person from a grant of ours. The engine's client credentials handler does the work, with its DPoP,
 * certificate and resource checks; where it makes a token of the client, it makes this one instead (engine-overrides.ts).
 */

/** RFC 8693 section 4.1. The newest actor is the outermost. */
export interface ActClaim {
  readonly sub: string;
  readonly client_id?: string;
  readonly act?: ActClaim;
}

export interface MintedToken {
  readonly accountId: string;
  /** The family that it dies with. */
  readonly family: string;
  readonly grantType: string;
  /** It lives no longer than this. */
  readonly secondsLeft?: number;
  readonly act?: ActClaim;
  /** How the person signed in, as the token says that it comes from. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** For the audit: whose token it comes from. */
  readonly subjectClientId?: string;
}

/** How many act, the newest included. */
export function actorsOf(act: ActClaim | undefined): number {
  let depth = 0;
  for (let one = act; one !== undefined; one = one.act) depth += 1;
  return depth;
}
