/**
 * What a client's security profile asks of single requests (clients/profile-rules.ts has what it asks of the client
 * itself). Each rule names its section; docs/profiles.md names the test that holds it.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { isSignatureAllowed } from '../clients/profile-algorithms.ts';
import { isStrict } from '../clients/profile-rules.ts';
import type { ResourceServer } from '../clients/resource-server.ts';

/** FAPI 2.0 Security Profile section 5.3.2.1 item 13: from 10 to 60 seconds in the future are accepted. */
const FUTURE_SECONDS = 60;
/** FAPI 2.0 Security Profile section 5.3.2.1 item 11. */
const CODE_SECONDS = 60;

type Members = Readonly<Record<string, unknown>>;

/**
 * The signature of a client assertion; what else is asked of one is asked of every client (client-assertions.ts).
 * @throws InvalidClientAuth
 */
export function checkAssertionAlg(header: Members, client: Client): void {
  if (!isSignatureAllowed(client.profile, String(header.alg))) {
    throw new errors.InvalidClientAuth('client assertion: alg is not accepted in the profile fapi2');
  }
}

/**
 * A DPoP proof of this request, before the engine verifies it.
 * @throws InvalidDpopProof
 */
export function checkProof(ctx: KoaContextWithOIDC, client: Client): void {
  if (client.profile !== 'fapi2') return;
  const [header, payload] = ctx.get('DPoP').split('.').map(decoded);
  if (!header || !payload) return;
  if (!isSignatureAllowed(client.profile, String(header.alg))) {
    throw new errors.InvalidDpopProof('DPoP proof alg is not accepted in the profile fapi2');
  }
  if (isInFuture(payload.iat)) {
    throw new errors.InvalidDpopProof('DPoP proof iat is too far in the future for the profile fapi2');
  }
}

/** RFC 9449 section 8: a proof that could have been made in advance is not taken where more is asked. */
export function isNonceRequired(client: Client | undefined): boolean {
  return isStrict(client?.profile);
}

/** @param seconds the setting */
export function codeSeconds(seconds: number, client: Client | undefined): number {
  return client?.profile === 'fapi2' ? Math.min(seconds, CODE_SECONDS) : seconds;
}

/** @throws InvalidTarget when the API's tokens are signed in a way that the profile does not accept */
export function checkResourceProfile(client: Client, server: ResourceServer): void {
  if (server.tokenFormat === 'jwt' && !isSignatureAllowed(client.profile, server.signingAlg)) {
    throw new errors.InvalidTarget(
      `tokens of this API are signed with ${server.signingAlg}, which the profile fapi2 does not accept`,
    );
  }
}

function isInFuture(time: unknown): boolean {
  return time !== undefined && !(Number(time) <= Date.now() / 1000 + FUTURE_SECONDS);
}

/** Undefined for what is no JSON object: the engine says so itself. */
function decoded(part: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Members) : undefined;
  } catch {
    return undefined;
  }
}
