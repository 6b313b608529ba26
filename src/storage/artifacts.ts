/**
 * The contract of what expires: everything that the protocol engine stores. One suite (`test/contracts/`) proves it
 * on every backend.
 *
 * - Keys are digests and payloads are sealed: a stolen dump opens nothing.
 * - Whatever may happen once is one statement, and the store picks the winner.
 * - Expired means absent on the injected clock, before any sweep.
 * - A family is a Grant and all that was issued under it. Ending it is one write, a tombstone that every find, put
 *   and commit of the family meets; nothing of it is findable afterwards, whatever was in flight.
 *
 * Every function throws StorageUnavailable when its backend cannot answer in time, and none answers "no" instead.
 */
import type { EndReason } from './end-reasons.ts';
import type { ArtifactKind } from './ids.ts';

export type { ArtifactKind } from './ids.ts';

export interface StoredArtifact {
  payload: Record<string, unknown>;
  /** When its family (the Grant) or, without one, itself was first put; ms since the epoch. */
  bornAt: number;
  /** Set once it was consumed; ms. A consumed artifact stays findable until it expires. */
  consumedAt?: number;
  /** From which network, when the commit that consumed it said so. */
  consumedFrom?: string;
  /** ms since the epoch */
  expiresAt: number;
}

export interface Found {
  /** Absent when unknown, expired on the clock, or when its family has ended. */
  artifact?: StoredArtifact;
  /** The family's Grant, brought along in the same trip, for kinds with a family. */
  grant?: StoredArtifact;
  /** Why the family ended, when it has. */
  ended?: EndReason;
  /** The stored answer of a consumed refresh token, while its replay window is open and its successor unused. */
  answer?: { sealed: string; binding: string; until: number /* ms */ };
}

export interface Put {
  kind: ArtifactKind;
  /** By `newId` or `newSessionId`; with a family it must carry the family's tag (TypeError otherwise). */
  id: string;
  /** The grant's id. A Grant is its own family: leave it out there. */
  family?: string;
  payload: Record<string, unknown>;
  ttlSeconds: number;
  /** Sessions only, and always there: `findSessionByUid` answers the session that was put last under it. */
  uid?: string;
  /** Device codes only: normalised by the caller. */
  userCode?: string;
}

export interface Commit {
  /** The grant's id. */
  family: string;
  /**
   * What this commit uses up. `answer` is kept for `windowSeconds` (0: not at all): it is given again to a repetition
   * with the same binding.
   */
  consume?: {
    kind: ArtifactKind;
    id: string;
    answer?: { sealed: string; binding: string; windowSeconds: number };
    /** The caller's network: told when the same value is used again. Kept sealed. */
    from?: string;
    /**
     * The caller has read it unused in this same request. If it turns out used, the two uses overlapped: a race of the
     * one holder's requests, which a cut connection or a stalled process makes as long as it likes, and no theft.
     */
    readUnused?: boolean;
  };
  puts: readonly Put[];
}

/**
 * The answer that is kept belongs to the token used last: once a refresh token's successor is consumed, the token's
 * own answer is gone in that same statement, and using it again is theft.
 */
export type CommitOutcome =
  | { kind: 'committed' }
  /** Consumed before, inside the window, same binding: give this answer again. */
  | { kind: 'replayed'; sealed: string }
  /** Used by another request: inside the window with another binding, or `readUnused`. Refuse; the family is unharmed. */
  | { kind: 'mismatch' }
  /** Consumed before and no answer is kept (any more): the same statement has ended the family, as 'replayed'. */
  | { kind: 'theft'; firstUse?: { at: number; from?: string } }
  | { kind: 'ended'; reason: EndReason }
  /** What was to be consumed, or its Grant, is unknown or expired; or the commit comes too late (artifact-rules.ts). */
  | { kind: 'absent' };

export interface SessionFamily {
  family: string;
  offline: boolean;
  clientId: string;
}

export interface Artifacts {
  /** One trip; none when the id is not of this kind. */
  find(kind: ArtifactKind, id: string): Promise<Found>;
  findSessionByUid(uid: string): Promise<Found>;
  /** Two trips: the code lies in another slot than what it names. */
  findByUserCode(code: string): Promise<Found>;
  /**
   * Makes or replaces. A replaced artifact keeps its `bornAt` and its consumed mark. Writes nothing, silently, when
   * its family has ended. A session put under a new id replaces the one that its uid named before, whose id never
   * comes back; one that was destroyed never does under any id. One trip.
   * @returns false for a session that was destroyed, true for everything else
   */
  put(p: Put): Promise<boolean>;
  /** True for exactly one caller, ever. False: consumed, unknown, expired, or its family has ended. One trip. */
  consume(kind: ArtifactKind, id: string): Promise<boolean>;
  /** All or nothing. One trip. */
  commit(c: Commit): Promise<CommitOutcome>;
  /** Removes it; a Grant that is destroyed leaves its tokens without one. Ending access is `endFamily`. */
  destroy(kind: ArtifactKind, id: string): Promise<void>;
  /**
   * The tombstone. It stays for `ttlSeconds` or, when that is longer, until all that was ever put into the family
   * has expired. The first reason stands. Unknown families get one too.
   */
  endFamily(family: string, reason: EndReason, ttlSeconds: number): Promise<void>;
  /**
   * For tokens that are not stored (JWT). One trip. `known`: the Grant is there and not expired; true when there is
   * no family, since nothing can be missing then. `grant`: the family's Grant when it is known. `denied`: this one token was revoked by `denyToken`.
   */
  familyState(
    family: string | undefined,
    jti: string,
  ): Promise<{ known: boolean; ended?: EndReason; denied: boolean; grant?: StoredArtifact }>;
  /** `family` as in the later `familyState`. */
  denyToken(jti: string, family: string | undefined, ttlSeconds: number): Promise<void>;
  /**
   * True for one caller only until `expiresAt` (ms): the guard of DPoP proofs and assertion ids
   * (RFC 9449 section 11.1, RFC 7523 section 3). One trip.
   */
  claim(scope: string, value: string, expiresAt: number): Promise<boolean>;
  /** Remembers which families a session started; survives the session's change of id. Adding one twice replaces it. */
  addSessionFamily(
    uid: string,
    family: string,
    offline: boolean,
    clientId: string,
    ttlSeconds: number,
  ): Promise<void>;
  sessionFamilies(uid: string): Promise<readonly SessionFamily[]>;
  /** SQL: removes what has expired, in bounded batches; answers how many. */
  sweep?(): Promise<number>;
  /** Commands or statements sent so far: for tests and the bench. */
  tripCount(): number;
  ping(): Promise<void>;
  close(): Promise<void>;
}
