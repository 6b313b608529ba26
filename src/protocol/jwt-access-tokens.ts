/**
 * Introspection and revocation of JWT access tokens (RFC 7662, RFC 7009), which the engine refuses. The token is
 * verified here, checked against its family and its own denial in one trip, and handed to the engine under a handle, so
 * that client authentication, policy, answer and events stay the engine's.
 */
import { randomUUID } from 'node:crypto';
import { createLocalJWKSet, type JWK, jwtVerify } from 'jose';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Artifacts } from '../storage/artifacts.ts';
import type { EndReason } from '../storage/end-reasons.ts';
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

export type LiveJwt =
  | {
      readonly kind: 'live';
      readonly payload: Readonly<Record<string, unknown>>;
      /** Absent: it speaks of the client alone. */
      readonly person?: { readonly family: string; readonly accountId: string };
    }
  | { readonly kind: 'dead'; readonly why?: EndReason };

function dead(why: EndReason | undefined): LiveJwt {
  return { kind: 'dead', ...(why === undefined ? {} : { why }) };
}

/** `standIn` is called where the engine has parsed the request and looks the client up. */
export function createJwtTokens({ artifacts, gate, issuer, publicKeys }: JwtTokenParts) {
  const keySet = createLocalJWKSet({ keys: [...publicKeys] });

  /** Verified, and neither it nor what it stands on has ended. */
  async function live(token: string): Promise<LiveJwt> {
    const payload = await verified(token);
    if (!payload || typeof payload.jti !== 'string') return { kind: 'dead' };
    const family = payload[FAMILY_CLAIM] as string | undefined;
    const state = await artifacts.familyState(family, payload.jti);
    if (state.denied || state.ended || (family && !state.grant)) return dead(state.ended);
    const { client_id: clientId, iat } = payload;
    const kind = family ? 'AccessToken' : 'ClientCredentials';
    const ended = await gate.endedBecause(kind, { clientId, iat }, state.grant?.payload);
    if (ended) return dead(ended);
    // The account's own id: `sub` may be what a pairwise client calls it, and is made from this one again.
    const person = {
      family: String(family),
      accountId: String(state.grant?.payload.accountId ?? payload.sub),
    };
    return { kind: 'live', payload, ...(family === undefined ? {} : { person }) };
  }

  async function standIn(ctx: KoaContextWithOIDC | undefined): Promise<void> {
    const oidc = ctx?.oidc;
    const token = oidc?.params?.token;
    if (!ctx || !oidc?.params || !routes.has(oidc.route) || typeof token !== 'string') return;
    if (token.split('.').length !== 3 || stateOf(ctx).jwt) return;
    // Whatever it turns out to be, the engine sees a handle: unknown, unless the token stands all checks.
    const handle = `jwt:${randomUUID()}`;
    oidc.params.token = handle;

    const found = await live(token);
    if (found.kind === 'dead') return;
    const { payload, person } = found;

    const { client_id: clientId, iat, exp, aud, scope, cnf, jti, roles, permissions } = payload;
    const { acr, auth_time: authTime, act, may_act: mayAct, authorization_details: rar } = payload;
    const kind = person ? 'AccessToken' : 'ClientCredentials';
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
        ...(rar ? { rar } : {}),
        extra: {
          ...(acr ? { acr } : {}),
          ...(authTime ? { auth_time: authTime } : {}),
          ...(roles ? { roles } : {}),
          ...(permissions ? { permissions } : {}),
          ...(act ? { act } : {}),
          ...(mayAct ? { may_act: mayAct } : {}),
        },
        ...(person ? { accountId: person.accountId, [FAMILY_CLAIM]: person.family } : {}),
        ...(thumbprints?.jkt ? { jkt: thumbprints.jkt } : {}),
        ...(thumbprints?.['x5t#S256'] ? { 'x5t#S256': thumbprints['x5t#S256'] } : {}),
      },
    };
  }

  return { standIn, live };

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
