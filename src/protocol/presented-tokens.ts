/** Access tokens of ours that somebody presents in a request: what they say, and whether they are still worth anything. */
import type { Artifacts } from '../storage/artifacts.ts';
import type { EndReason } from '../storage/end-reasons.ts';
import { isKind } from '../storage/ids.ts';
import type { AccessGate } from './access-gate.ts';
import type { LiveJwt } from './jwt-access-tokens.ts';
import type { ActClaim } from './minted-tokens.ts';

export interface PresentedToken {
  /** Whom it was issued to. */
  readonly clientId: string;
  /** Absent: it speaks of the client alone. */
  readonly accountId?: string;
  readonly family?: string;
  readonly audience?: string;
  readonly scopes: readonly string[];
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  readonly act?: ActClaim;
  readonly mayAct?: Readonly<Record<string, unknown>>;
  /** `acr` and `auth_time`, where it has them. */
  readonly level: Readonly<Record<string, unknown>>;
}

export type ReadToken =
  | { readonly kind: 'token'; readonly token: PresentedToken }
  /** Forged, foreign, expired, unknown or ended. */
  | { readonly kind: 'dead'; readonly why?: EndReason };

/** Longer ones are none of ours, and are not looked at. */
export const MAX_TOKEN_LENGTH = 8_192;

export function createTokenReader(parts: {
  readonly artifacts: Pick<Artifacts, 'find'>;
  readonly gate: AccessGate;
  readonly liveJwt: (token: string) => Promise<LiveJwt>;
}): (token: string) => Promise<ReadToken> {
  return async (token) => {
    if (token.length > MAX_TOKEN_LENGTH) return { kind: 'dead' };
    if (token.split('.').length === 3) {
      const found = await parts.liveJwt(token);
      if (found.kind === 'dead') return found;
      const { payload, person } = found;
      const { client_id: clientId } = payload;
      return { kind: 'token', token: presented({ ...payload, clientId, ...person }, payload) };
    }
    for (const kind of ['AccessToken', 'ClientCredentials'] as const) {
      if (isKind(token, kind)) return readOpaque(kind, token);
    }
    return { kind: 'dead' };
  };

  async function readOpaque(kind: 'AccessToken' | 'ClientCredentials', id: string): Promise<ReadToken> {
    const { artifact, grant, ended } = await parts.artifacts.find(kind, id);
    if (!artifact || (kind === 'AccessToken' && !grant)) {
      return { kind: 'dead', ...(ended === undefined ? {} : { why: ended }) };
    }
    const { payload } = artifact;
    const why = await parts.gate.endedBecause(kind, payload, grant?.payload);
    if (why) return { kind: 'dead', why };
    const extra = (payload.extra ?? {}) as Record<string, unknown>;
    return { kind: 'token', token: presented({ ...payload, family: payload.grantId }, extra) };
  }
}

/** @param claims what the token says beyond its own members */
function presented(payload: Record<string, unknown>, claims: Record<string, unknown>): PresentedToken {
  const { clientId, accountId, family, aud, scope, exp } = payload;
  const { act, may_act: mayAct, acr, auth_time: authTime } = claims;
  return {
    clientId: String(clientId),
    scopes: typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [],
    expiresAt: Number(exp),
    level: { ...(acr ? { acr } : {}), ...(authTime ? { auth_time: authTime } : {}) },
    ...(typeof accountId === 'string' ? { accountId } : {}),
    ...(typeof family === 'string' ? { family } : {}),
    ...(typeof aud === 'string' ? { audience: aud } : {}),
    ...(act ? { act: act as ActClaim } : {}),
    ...(mayAct ? { mayAct: mayAct as Record<string, unknown> } : {}),
  };
}
