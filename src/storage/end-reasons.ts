/**
 * Why a token family, session or refresh came to its end: the closed list, in the one place where it stands. Tombstones,
 * facts, audit, metrics and the timeline all speak these words and no others.
 */
export const endReasons = [
  'expired idle',
  'expired absolute',
  'replayed',
  'revoked by person',
  'revoked by administrator',
  'revoked by client',
  'password changed',
  'account disabled',
  'consent withdrawn',
  'signed out',
  /** Nothing here ended it: the value was never ours, is forgotten, or was presented wrongly. */
  'unknown',
] as const;

export type EndReason = (typeof endReasons)[number];

/** Who caused an end, without saying which one of them: the audit event beside it does. */
export type EndedBy = 'account' | 'client' | 'operator' | 'system' | 'anonymous';

const known: ReadonlySet<string> = new Set(endReasons);

/** What a store holds, as one of the list. */
export function endReasonOf(text: string): EndReason {
  return known.has(text) ? (text as EndReason) : 'unknown';
}
