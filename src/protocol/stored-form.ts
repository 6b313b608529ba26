/** What the engine stores, in the form in which it is kept: its id, its time to live, its date, its consumed mark. */
import Provider from 'oidc-provider';
import type { ArtifactKind, StoredArtifact } from '../storage/artifacts.ts';
import { digest } from '../storage/digest.ts';
import { DEVICE_CODE_GRACE_SECONDS } from './device-codes.ts';
import { STORED_LONGER_SECONDS } from './pushed-requests.ts';
import { currentState } from './request-state.ts';

export interface Lasting {
  /**
   * How long a family lives whose code nobody redeems: redeeming gives it its full life (grant-handlers.ts), so that
   * authorizations without end fill no store.
   */
  readonly unredeemedSeconds: number;
  readonly deviceCodes: { readonly unredeemedSeconds: number };
}

/** The engine gives every kind a lifetime (lifetimes-of-tokens.ts). */
export function ttlOf(
  kind: ArtifactKind,
  expiresIn = 1,
  { unredeemedSeconds, deviceCodes }: Lasting,
): number {
  // Kept a little longer than it can be used, so that the device hears `expired_token`.
  if (kind === 'DeviceCode') return expiresIn + DEVICE_CODE_GRACE_SECONDS;
  if (kind === 'PushedAuthorizationRequest') return expiresIn + STORED_LONGER_SECONDS;
  if (kind !== 'Grant') return expiresIn;
  const onDevice = Provider.ctx?.oidc?.entities.DeviceCode !== undefined;
  return Math.min(expiresIn, onDevice ? deviceCodes.unredeemedSeconds : unredeemedSeconds);
}

/** The engine makes interaction ids itself; stored, they take our form. All others are ours already (ids.ts). */
export function ourId(kind: ArtifactKind, id: string): string {
  return kind === 'Interaction' ? `I${digest(id)}` : id;
}

/** When the person of the session that is being stored signed in: now proved, or carried over. */
export function signedInAt(accountId: string): number {
  const state = currentState();
  const login = (Provider.ctx?.oidc?.result as { login?: { accountId?: string; at?: number } } | undefined)
    ?.login;
  if (login?.accountId === accountId && login.at) return login.at;
  if (state?.session?.accountId === accountId) return state.session.signedInAt;
  return Date.now();
}

export function withConsumed({ payload, consumedAt }: StoredArtifact): Record<string, unknown> {
  return consumedAt === undefined ? payload : { ...payload, consumed: Math.floor(consumedAt / 1000) };
}
