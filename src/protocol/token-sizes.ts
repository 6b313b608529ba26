/**
 * Tokens stay small: an access token travels in a header of every call, and servers and proxies in common use cut headers
 * off at 8 KB together (RFC 9110 section 5.4 leaves the limit to them). What would not arrive is not issued.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';

/** From here on it is told to the operator: half of what a header may hold, with room for growth. */
export const WARN_BYTES = 4_096;
/** From here on it is refused. */
export const REFUSE_BYTES = 8_192;

export interface LargeToken {
  readonly token: 'access_token' | 'id_token';
  readonly bytes: number;
  /** The member of the payload that takes the most room. */
  readonly claim: string;
}

/**
 * Looks at the token response that is about to be stored and sent.
 * @param warn told of each JWT of 4 KB or more
 * @throws InvalidRequest for one of 8 KB or more, naming its largest claim; what the grant wrote is dropped with it
 */
export function checkTokenSizes(ctx: KoaContextWithOIDC, warn: (large: LargeToken) => void): void {
  const body = (ctx.body ?? {}) as Partial<Record<LargeToken['token'], unknown>>;
  for (const token of ['access_token', 'id_token'] as const) {
    const value = body[token];
    if (typeof value !== 'string' || value.length < WARN_BYTES) continue;
    const large: LargeToken = { token, bytes: value.length, claim: largestClaim(value) };
    warn(large);
    if (value.length >= REFUSE_BYTES) {
      throw new errors.InvalidRequest(
        `the ${token} would be ${value.length} bytes, and ${REFUSE_BYTES} is too large; its largest claim is ${large.claim}`,
      );
    }
  }
}

/** @param jwt compact, as we have just signed it */
export function largestClaim(jwt: string): string {
  const payload = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as object;
  const sizes = Object.entries(payload).map(([name, value]) => [name, JSON.stringify(value).length] as const);
  return sizes.sort(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}
