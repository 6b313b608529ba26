/** What is asked of a client assertion (private_key_jwt) beyond the engine's own checks. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Clock } from '../config/clock.ts';

// Made for one request, an assertion needs seconds; ten minutes leave room for a clock that is wrong. Its jti is
// remembered for as long.
const LONGEST_SECONDS = 600;
/** FAPI 2.0 Security Profile section 5.3.2.1: up to 10 s in the future is accepted, 60 s never. */
const AHEAD_SECONDS = 30;

/** RFC 8725 section 3.11: another kind of token is no assertion. RFC 7523 names no type, its revision this one. */
const types: ReadonlySet<unknown> = new Set([undefined, 'JWT', 'jwt', 'client-authentication+jwt']);

/** The engine awaits it after the signature, before the assertion is used up. @throws invalid_client */
export function createAssertionRules({ issuer, clock }: { issuer: string; clock: Clock }) {
  return async function checkAssertion(
    _ctx: KoaContextWithOIDC,
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const now = clock.now() / 1000;
    const { aud, exp, iat, nbf, jti } = claims;
    // RFC 7523bis section 4 and FAPI 2.0 section 5.3.2.1: the issuer as a string, and nothing beside it. An assertion
    // for a list or for a token endpoint may have been made for another server (CVE-2025-27370, CVE-2025-27371).
    if (aud !== issuer) refuse('aud must be the issuer, as one string');
    if (typeof exp !== 'number' || exp > now + LONGEST_SECONDS + AHEAD_SECONDS) {
      refuse(`exp must be at most ${LONGEST_SECONDS} s ahead`);
    }
    for (const [name, at] of Object.entries({ iat, nbf })) {
      if (at !== undefined && (typeof at !== 'number' || at > now + AHEAD_SECONDS)) {
        refuse(`${name} must not lie in the future`);
      }
    }
    if (typeof jti !== 'string' || jti.length > 512) refuse('jti must be a text of at most 512 characters');
    if (!types.has(header.typ)) refuse('typ names another kind of token');
  };
}

function refuse(why: string): never {
  throw new errors.InvalidClientAuth(`client assertion: ${why}`);
}
