/**
 * The engine's storage, over storage/artifacts.ts. Every look-up passes one gate: a token, code, grant or session whose
 * family, account or client was ended is absent, and the reason is kept for whoever explains the refusal.
 */
import type { Adapter, AdapterPayload } from 'oidc-provider';
import Provider, { errors } from 'oidc-provider';
import type { ArtifactKind, Artifacts, Found, Put } from '../storage/artifacts.ts';
import type { EndReason } from '../storage/end-reasons.ts';
import { isKind } from '../storage/ids.ts';
import { StorageUnavailable } from '../storage/unavailable.ts';
import type { AccessGate } from './access-gate.ts';
import { hasHungUp } from './caller.ts';
import type { DeviceCodes } from './device-codes.ts';
import { keepForPages } from './pushed-requests.ts';
import { currentState } from './request-state.ts';
import { noteSession, type SessionNoteParts } from './session-notes.ts';
import { type Lasting, ourId, signedInAt, ttlOf, withConsumed } from './stored-form.ts';

export interface AdapterParts extends Lasting {
  readonly artifacts: Artifacts;
  readonly gate: AccessGate;
  /** Ends a family for good: fact first, tombstone second. */
  readonly endFamily: (family: string, reason: EndReason) => Promise<void>;
  /** Revokes one access token until it would have expired. */
  readonly denyToken: (jti: string, family: string | undefined, expiresAt: number) => Promise<void>;
  /** How long a page of ours may stay open. */
  readonly interactionSeconds: number;
  readonly deviceCodes: DeviceCodes;
  readonly sessions: SessionNoteParts;
}

type Payload = Record<string, unknown>;

const inFamilies: ReadonlySet<string> = new Set([
  'Grant',
  'AuthorizationCode',
  'AccessToken',
  'RefreshToken',
  'DeviceCode',
]);

/** A factory for the engine's `adapter` setting: one small object for each kind. */
export function createAdapterFactory(parts: AdapterParts): (name: string) => Adapter {
  return (name) => adapterFor(name as ArtifactKind, parts);
}

function adapterFor(kind: ArtifactKind, parts: AdapterParts): Adapter {
  const { artifacts, gate, endFamily, denyToken, deviceCodes, interactionSeconds } = parts;
  const isFamilyKind = inFamilies.has(kind);

  const keepPushed = (id: unknown) => keepForPages(artifacts, currentState()?.pushed, id, interactionSeconds);

  async function accept(found: Found): Promise<AdapterPayload | undefined> {
    const state = currentState();
    if (found.ended && state) state.endedBecause = found.ended;
    const { artifact, grant } = found;
    if (!artifact) return undefined;
    const grantPayload = kind === 'Grant' ? artifact.payload : grant?.payload;
    // Until somebody has approved it a device code belongs to no family.
    const isWaiting = kind === 'DeviceCode' && !artifact.payload.grantId;
    if (isFamilyKind && !grantPayload && !isWaiting) return undefined;
    const ended = await gate.endedBecause(kind, artifact.payload, grantPayload);
    if (ended) {
      if (state) state.endedBecause = ended;
      return undefined;
    }
    if (state) {
      if (grantPayload) state.grants.set(String(grantPayload.jti), grantPayload);
      if (artifact.payload.grantId) {
        state.familyOf.set(String(artifact.payload.jti), String(artifact.payload.grantId));
      }
      if (kind === 'RefreshToken' && found.answer) state.answer = found.answer;
      if (kind === 'PushedAuthorizationRequest') state.pushed = artifact.payload;
      if (kind === 'DeviceCode') state.deviceCode = artifact.payload;
      if (artifact.consumedAt !== undefined && isFamilyKind) {
        state.firstUse = { at: artifact.consumedAt, from: artifact.consumedFrom };
      }
      if (kind === 'Session' && typeof artifact.payload.accountId === 'string') {
        const { accountId, signedInAt } = artifact.payload;
        state.session = { accountId, signedInAt: Number(signedInAt ?? 0) };
      }
    }
    if (kind === 'AccessToken' && grantPayload && grantPayload.clientId !== artifact.payload.clientId) {
      // Exchanged by another client: its family was looked at above; the engine would take it for a mix-up.
      const { grantId: _, ...exchanged } = artifact.payload;
      return exchanged as AdapterPayload;
    }
    return withConsumed(artifact) as AdapterPayload;
  }

  return {
    async find(id) {
      const state = currentState();
      if (state?.jwt?.handle === id) {
        return state.jwt.kind === kind ? (state.jwt.payload as AdapterPayload) : undefined;
      }
      if (kind === 'Grant') {
        const known = state?.grants.get(id);
        if (known) return known as AdapterPayload;
      }
      const ours = ourId(kind, id);
      // The kind is the first letter of an id: a stranger's costs no trip.
      const found = isKind(ours, kind) ? await accept(await noting(artifacts.find(kind, ours))) : undefined;
      // At the end of a sign-in: whether it was used up meanwhile cannot be known any more.
      if (!found && kind === 'PushedAuthorizationRequest' && Provider.ctx?.oidc.route === 'resume') {
        throw new errors.InvalidRequestUri('request_uri has expired while the person was signing in');
      }
      return found;
    },

    async findByUid(uid) {
      return accept(await noting(artifacts.findSessionByUid(uid)));
    },

    async findByUserCode(userCode) {
      await noting(deviceCodes.countGuess());
      const found = await accept(await noting(artifacts.findByUserCode(userCode)));
      if (found) await noting(deviceCodes.takeGuessBack());
      return found;
    },

    async upsert(id, payload, expiresIn) {
      const state = currentState();
      const stored: Payload = { ...payload };
      const family =
        kind === 'Grant' ? id : isFamilyKind ? (payload.grantId as string | undefined) : undefined;
      if (kind === 'Grant') {
        Object.assign(stored, state?.birth);
        state?.grants.set(id, stored);
      }
      if (kind === 'Session' && payload.accountId) {
        const at = signedInAt(payload.accountId);
        stored.signedInAt = at;
        await noting(noteSession(parts.sessions, payload, at, expiresIn ?? 0));
      }
      if (kind === 'DeviceCode') await noting(deviceCodes.decideOnce(id, payload));
      const put: Put = {
        kind,
        id: ourId(kind, id),
        payload: stored,
        ttlSeconds: ttlOf(kind, expiresIn, parts),
        ...(family ? { family } : {}),
        ...(kind === 'Session' && payload.uid ? { uid: payload.uid } : {}),
        ...(payload.userCode ? { userCode: payload.userCode } : {}),
      };
      if (state?.unit && family) {
        state.unit.family ??= family;
        state.unit.puts.push(put);
        return;
      }
      const [isKept] = await noting(Promise.all([artifacts.put(put), keepPushed(payload.parJti)]));
      if (!isKept && state) state.sessionEnded = true;
    },

    async consume(id) {
      const state = currentState();
      const family = state?.familyOf.get(id);
      if (state?.unit && family) {
        state.unit.family ??= family;
        if (kind === 'DeviceCode') deviceCodes.checkVerifier();
        state.unit.consume = { kind, id };
        return;
      }
      // A refused device code opens nothing, and says so as often as it is asked.
      if (kind === 'DeviceCode') return;
      if (await noting(artifacts.consume(kind, id))) return;
      if (kind === 'PushedAuthorizationRequest') {
        throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used');
      }
      throw new errors.InvalidGrant('already used');
    },

    async destroy(id) {
      const state = currentState();
      if (kind === 'Grant') return endOnce(id);
      if (state?.jwt && state.jwt.payload.jti === id) {
        const { grantId, gid, exp } = state.jwt.payload;
        return noting(denyToken(id, (grantId ?? gid) as string | undefined, Number(exp) * 1000));
      }
      // A refresh token never goes alone: the engine ends its family next, and what is left of it tells why.
      if (kind === 'RefreshToken') return;
      await noting(artifacts.destroy(kind, ourId(kind, id)));
    },

    async revokeByGrantId(grantId) {
      await endOnce(grantId);
    },
  };

  /** The engine revokes a family model by model; the family ends once. */
  async function endOnce(family: string): Promise<void> {
    const state = currentState();
    // RFC 7009 section 2.1 lets the revocation of an access token end that token alone.
    const oidc = Provider.ctx?.oidc;
    if (oidc?.route === 'revocation' && !oidc.entities.RefreshToken) return;
    const reason = endedAt[oidc?.route ?? ''] ?? 'signed out';
    if (reason === 'replayed' && Provider.ctx && (await hasHungUp(Provider.ctx))) return;
    if (state) state.endedBecause = reason;
    const ending = state?.ending.get(family) ?? endFamily(family, reason);
    state?.ending.set(family, ending);
    await noting(ending);
  }
}

/** Where the engine ends a family, and so why; everywhere else it is because the person signs out. */
const endedAt: Readonly<Record<string, EndReason>> = { token: 'replayed', revocation: 'revoked by client' };

/** Notes on the request that a store did not answer, so that the outer door can say so with 503. */
async function noting<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const state = currentState();
    if (state && error instanceof StorageUnavailable) {
      state.unavailable = { retryAfterSeconds: error.retryAfterSeconds };
    }
    throw error;
  }
}
