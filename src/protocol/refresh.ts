/**
 * Refresh token rotation that survives lost answers and parallel refreshes (RFC 9700 section 4.14; see
 * docs/decisions). The successor and the sealed answer are stored by one statement before any byte leaves; the same
 * token again inside its window gets the same answer, byte for byte. After the window, or once the successor has been
 * used, it is theft and the family ends.
 */
import { createHash } from 'node:crypto';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Clock } from '../config/clock.ts';
import type { Sealing } from '../storage/sealing.ts';
import { type StoredAnswer, stateOf } from './request-state.ts';
import type { KeptAnswer } from './unit-of-work.ts';

/** Thrown out of the engine's own handler when the token was used before and its answer is still kept. */
export class Replayed extends Error {
  readonly sealed: string;
  constructor(sealed: string) {
    super('refresh token replayed within its window');
    this.sealed = sealed;
  }
}

const aad = 'refresh answer';

/** Seals the token response under a key that only the presented refresh token gives. */
export function keepAnswer(
  sealing: Sealing,
  ctx: KoaContextWithOIDC,
  refreshToken: string,
  body: string,
  windowSeconds: number,
): KeptAnswer {
  return { sealed: sealing.sealWith(refreshToken, body, aad), binding: bindingOf(ctx), windowSeconds };
}

/** Opens what `keepAnswer` sealed. */
export function openAnswer(sealing: Sealing, refreshToken: string, sealed: string): string {
  return sealing.openWith(refreshToken, sealed, aad);
}

/**
 * Called from `findAccount`, which the engine awaits after client authentication, expiry, DPoP and grant checks, and
 * before its own "already used" check.
 *
 * @throws Replayed when the stored answer may be given again
 * @throws InvalidGrant when the same token asks for something else inside the window: the family is left alone
 */
export function checkReplay(ctx: KoaContextWithOIDC, answer: StoredAnswer | undefined, clock: Clock): void {
  if (!answer || clock.now() > answer.until) return;
  if (answer.binding !== bindingOf(ctx)) throw otherRequest();
  throw new Replayed(answer.sealed);
}

/** Two tabs that ask for two APIs with one token get this; the second retries with its new token. */
export function otherRequest(): Error {
  return new errors.InvalidGrant('refresh token already used for another request');
}

/**
 * What a stored answer is bound to: the client, what was asked and the sender's key and certificate. The engine has verified the DPoP
 * proof when this runs, so its key is the last one in the header's JWK.
 */
function bindingOf(ctx: KoaContextWithOIDC): string {
  const { client, params } = ctx.oidc;
  const scope = String(params?.scope ?? '')
    .split(' ')
    .filter(Boolean)
    .sort();
  const resource = [params?.resource ?? []].flat().map(String).sort();
  const details = params?.authorization_details ?? '';
  const parts = [client?.clientId, scope, resource, details, proofKey(ctx), stateOf(ctx).certificate ?? ''];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

function proofKey(ctx: KoaContextWithOIDC): string {
  const [header] = ctx.get('DPoP').split('.');
  if (!header) return '';
  const { jwk } = JSON.parse(Buffer.from(header, 'base64url').toString()) as {
    jwk?: Record<string, unknown>;
  };
  return JSON.stringify(Object.entries(jwk ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}
