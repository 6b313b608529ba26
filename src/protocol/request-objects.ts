/**
 * Request objects (RFC 9101), by value only. The engine checks signature, issuer and audience; here stand the rules that
 * it leaves open: that one ends soon, is no other kind of JWT, and is used once when it has an id.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { isSignatureAllowed } from '../clients/profile-algorithms.ts';
import { stateOf } from './request-state.ts';

/** The signatures that are accepted: a shared secret is a digest here, so HS* could only be forged. */
export const requestObjectAlgs = ['ES256', 'PS256', 'EdDSA', 'RS256'] as const;

/** A signed request is an order that can be repeated until it ends: an hour at most (as FAPI 2.0 Message Signing). */
const LONGEST_SECONDS = 3_600;
/** The engine's own tolerance for clocks (engine-configuration.ts). */
export const CLOCK_TOLERANCE_SECONDS = 15;

const types: ReadonlySet<string> = new Set(['jwt', 'oauth-authz-req+jwt', 'application/oauth-authz-req+jwt']);

type Members = Readonly<Record<string, unknown>>;

/**
 * Called by the engine before it verifies the signature; so nothing is written here.
 * @throws InvalidRequestObject
 */
export function checkRequestObject(
  ctx: KoaContextWithOIDC,
  claims: Members,
  header: Members,
  client: Client,
): void {
  // One that was pushed was checked when it came, and is wrapped without a signature when it was plain.
  if (ctx.oidc.entities.PushedAuthorizationRequest) return;
  const fault = faultOf(claims, header, client);
  if (fault) throw new errors.InvalidRequestObject(fault);
  const { exp, jti } = claims;
  if (typeof jti === 'string') stateOf(ctx).requestObject = { jti, exp: Number(exp) };
}

function faultOf({ exp, iat, nbf, sub }: Members, { alg, typ }: Members, client: Client): string | undefined {
  const now = Math.floor(Date.now() / 1000);
  if (typeof exp !== 'number') return "Request Object is missing the 'exp' claim";
  if (exp > now + LONGEST_SECONDS + CLOCK_TOLERANCE_SECONDS) {
    return "Request Object 'exp' claim is more than an hour away";
  }
  if (typeof iat === 'number' && iat > now + CLOCK_TOLERANCE_SECONDS) {
    return "Request Object 'iat' claim lies in the future";
  }
  // RFC 8725 section 3.11, RFC 9101 section 10.8: a JWT of another kind is no request, even with the right key.
  if (typ !== undefined && !types.has(String(typ).toLowerCase())) {
    return "Request Object 'typ' names another kind of JWT";
  }
  if (sub === client.clientId) return 'Request Object looks like a client assertion';
  if (!isSignatureAllowed(client.profile, String(alg))) {
    return `Request Object signatures with ${String(alg)} are not accepted from a client of this profile`;
  }
  if (client.profile === 'fapi2' && (typeof nbf !== 'number' || exp - nbf > LONGEST_SECONDS)) {
    return "Request Object needs an 'nbf' claim at most an hour before 'exp'";
  }
  return undefined;
}

/**
 * Uses up the id of a request object that has stood every check. An id is the client's promise that it says this once.
 * @param claim true for one caller only
 * @throws InvalidRequestObject when it was said before
 */
export async function useRequestObject(
  ctx: KoaContextWithOIDC,
  claim: (scope: string, value: string, expiresAt: number) => Promise<boolean>,
): Promise<void> {
  const { requestObject } = stateOf(ctx);
  if (!requestObject) return;
  const until = (requestObject.exp + CLOCK_TOLERANCE_SECONDS + 1) * 1000;
  const scope = `request object ${ctx.oidc.client?.clientId}`;
  if (!(await claim(scope, requestObject.jti, until))) {
    throw new errors.InvalidRequestObject('Request Object was used before');
  }
}
