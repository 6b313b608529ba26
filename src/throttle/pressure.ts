/** What follows from how full a limit is, before it is full. */
import type { Limit } from '../config/limits.ts';

/** 5 s is what retyping a password takes: felt by a script, hardly by a person. */
const FIRST_DELAY_SECONDS = 5;

/** The count from which on a limit is under pressure; at least one. */
export function pressureOf({ limit }: Limit, percent: number): number {
  return Math.max(1, Math.ceil((limit * percent) / 100));
}

/**
 * How long after attempt number `count` the next one must wait: nothing for the first half of the limit, then 5 s,
 * doubling, up to a tenth of the window. At 10 in 900 s the gaps are 5, 10, 20, 40 and 80 s; at 5 they are 5 and 10 s.
 */
export function delaySeconds(count: number, limit: Limit): number {
  const free = Math.ceil(limit.limit / 2);
  if (count <= free) return 0;
  const longest = Math.max(1, Math.floor(limit.windowSeconds / 10));
  return Math.min(FIRST_DELAY_SECONDS * 2 ** (count - free - 1), longest);
}
