/** How long the facts are kept that end access: as long as what they end could have lived. */
import type { Lifetimes } from '../config/lifetimes.ts';

/** A year and a day at least: lifetimes may be shortened, and what was made under the longer ones lives on. */
const LEAST_SECONDS = 366 * 86_400;

/** Milliseconds since the epoch, for `endAccess`. */
export function endedUntil(at: number, lifetimes: Lifetimes): number {
  const longest = Math.max(
    LEAST_SECONDS,
    lifetimes.sessionAbsolute,
    ...Object.values(lifetimes.familyAbsolute),
  );
  return at + (longest + lifetimes.accessToken) * 1000;
}
