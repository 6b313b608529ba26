/**
 * Introspection and revocation of JWT access tokens (RFC 7662, RFC 7009), which the engine refuses. The token is
 * verified here, checked against its family and its own denial in one trip, and handed to the engine under a handle, so
 * that client authentication, policy, answer and events stay the engine's.
 */
import { randomUUID } from 'node:crypto';
import { createLocalJWKSet, type JWK, jwtVerify } from 'jose';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Artifacts } from '../storage/artifacts.ts';
import type { AccessGate } from './access-gate.ts';
import { stateOf } from './request-state.ts';

/** The private claim that names the token's family; it never leaves the introspection endpoint. */
export const FAMILY_CLAIM = 'gid';

const routes: ReadonlySet<string> = new Set(['introspection', 'revocation']);

export interface JwtTokenParts {
  readonly artifacts: Artifacts;
  readonly gate: AccessGate;
  readonly issuer: string;
  readonly publicKeys: readonly JWK[];
}

/** Called where the engine has parsed the request and looks the client up. */
export function createJwtTokens({ artifacts, gate, issuer, publicKeys }: JwtTokenParts) {
  const keySet = createLocalJWKSet({ keys: [...publicKeys] });

  return async function standIn(ctx: KoaContextWithOIDC | undefined): Promise<void> {
    const oidc = ctx?.oidc;
    const token = oidc?.params?.token;
    if (!ctx || !oidc?.params || !routes.has(oidc.route) || typeof token !== 'string') return;
    if (token.split('.').length !== 3 || stateOf(ctx).jwt) return;
    // Whatever it turns out to be, the engine sees a handle: unknown, unless the token stands all checks.
    const handle = `jwt:${randomUUID()}`;
    oidc.params.token = handle;

    const payload = await verified(token);
    if (!payload || typeof payload.jti !== 'string') return;
    const family = payload[FAMILY_CLAIM] as string | undefined;
    const state = await artifacts.familyState(family, payload.jti);
    if (state.denied || state.ended || (family && !state.grant)) return;

    const { sub, client_id: clientId, iat, exp, aud, scope, cnf, jti, roles, permissions } = payload;
    const { acr, auth_time: authTime } = payload;
    const kind = family ? 'AccessToken' : 'ClientCredentials';
    if (await gate.endedBecause(kind, { clientId, iat }, state.grant?.payload)) return;
    const thumbprints = cnf as { jkt?: string; 'x5t#S256'?: string } | undefined;
    stateOf(ctx).jwt = {
      handle,
      kind,
      payload: {
        kind,
        jti,
        iat,
        exp,
        aud,
        scope,
        clientId,
        extra: {
          ...(acr ? { acr } : {}),
          ...(authTime ? { auth_time: authTime } : {}),
          ...(roles ? { roles } : {}),
          ...(permissions ? { permissions } : {}),
        },
        // The account's own id: `sub` may be what a pairwise client calls it, and is made from this one again.
        ...(family ? { accountId: state.grant?.payload.accountId ?? sub, [FAMILY_CLAIM]: family } : {}),
        ...(thumbprints?.jkt ? { jkt: thumbprints.jkt } : {}),
        ...(thumbprints?.['x5t#S256'] ? { 'x5t#S256': thumbprints['x5t#S256'] } : {}),
      },
    };
  };

  async function verified(token: string): Promise<Record<string, unknown> | undefined> {
    try {
      const { payload } = await jwtVerify(token, keySet, { issuer, typ: 'at+jwt', clockTolerance: 0 });
      return payload;
    } catch {
      // Forged, foreign or expired: RFC 7662 section 2.2 answers all of them with `active: false`.
      return undefined;
    }
  }
}
