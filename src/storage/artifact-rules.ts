/** What every backend asks of a put: mistakes of the caller that would break the contract on one of them. */
import type { Put } from './artifacts.ts';
import { familyKinds, isKind, tagOf, tagOfUid } from './ids.ts';

/** @throws TypeError */
export function checkPut(p: Put): void {
  if (!isKind(p.id, p.kind)) throw new TypeError(`the id of this ${p.kind} is not of its kind`);
  if (p.family !== undefined && p.kind !== 'Grant') {
    if (!familyKinds.has(p.kind)) throw new TypeError(`${p.kind} belongs to no family`);
    if (tagOf(p.family) !== tagOf(p.id)) throw new TypeError(`this ${p.kind} lacks the tag of its family`);
  }
  if ((p.kind === 'Session') !== (p.uid !== undefined))
    throw new TypeError('sessions, and only they, have a uid');
  if (p.uid !== undefined && tagOfUid(p.uid) !== tagOf(p.id)) {
    throw new TypeError('this session lacks the tag of its uid');
  }
}

/**
 * A commit that was sent so long before what it consumes was used has been on its way while its sender gave up and
 * the caller tried again elsewhere: a partition that ended, not theft. Nobody waits longer for a store (redis.ts).
 */
export const LATE_MS = 1000;

/** ms since the epoch; a time to live that is no whole number of ms is rounded up. */
export function expiryOf(p: Put, now: number): number {
  return now + Math.ceil(p.ttlSeconds * 1000);
}
