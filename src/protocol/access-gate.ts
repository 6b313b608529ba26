/**
 * The one place that asks whether what was found may still be used. What ends access is a fact in Postgres; processes
 * hold the facts of accounts and clients in use in memory under the lease (storage/changes.ts), so this costs no trip.
 *
 * A family is dated by the sign-in that it came from, not by its own making: a request that read a session just before
 * that session was ended makes a family that is dead at its first use.
 */
import type { Standings } from '../accounts/standing.ts';
import type { ArtifactKind } from '../storage/artifacts.ts';
import type { EndReason } from '../storage/end-reasons.ts';

export interface AccessGate {
  /** A reason when the artifact may no longer be used; undefined when it may. */
  endedBecause(
    kind: ArtifactKind,
    payload: Record<string, unknown>,
    grant: Record<string, unknown> | undefined,
  ): Promise<EndReason | undefined>;
}

/** @param clientEndedBefore ms: what the client was given at or before then is dead; 0 when nothing is. */
export function createAccessGate(
  standings: Standings,
  clientEndedBefore: (clientId: string) => Promise<number>,
): AccessGate {
  return {
    async endedBecause(kind, payload, grant) {
      const dated = grant ?? payload;
      const accountId = dated.accountId;
      const clientId = dated.clientId;
      if (kind === 'Interaction') return undefined;
      // `bornAt` is a time at which the consent is known to have stood: every later withdrawal ends the family.
      const bornAt = dated.bornAt ?? Number(payload.iat ?? 0) * 1000;
      if (typeof accountId === 'string') {
        const standing = await standings.get(accountId);
        if (!standing) return 'account disabled';
        const session = kind === 'Session' ? payload.uid : dated.begunIn;
        if (
          standing.isEnded(Number(dated.signedInAt ?? 0), typeof session === 'string' ? session : undefined)
        ) {
          return standing.endReason ?? 'signed out';
        }
        if (typeof clientId === 'string') {
          const { at, reason } = standing.endOf(clientId);
          if (isPast(bornAt, at)) return reason;
        }
      }
      if (typeof clientId === 'string') {
        if (isPast(bornAt, await clientEndedBefore(clientId))) return 'revoked by administrator';
      }
      // A token that was exchanged for another client's family stands on that client too.
      const holder = payload.clientId;
      if (typeof holder === 'string' && holder !== clientId) {
        const issuedAt = Number(payload.iat ?? 0) * 1000;
        if (isPast(issuedAt, await clientEndedBefore(holder))) return 'revoked by administrator';
      }
      return undefined;
    },
  };
}

/** Whether something of that time (ms) falls under a fact of that time (ms; 0: there is none). */
function isPast(time: unknown, endedBefore: number): boolean {
  return endedBefore > 0 && endedBefore >= Number(time ?? 0);
}
