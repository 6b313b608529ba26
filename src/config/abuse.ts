/** When a rush counts as unusual: from which part of a limit on more is asked of strangers than usual. */
import { define } from './definition.ts';
import { wholeNumber } from './kinds.ts';

export interface AbuseSettings {
  /** Percent of a limit. */
  readonly pressurePercent: number;
}

// At half of the default limits: five wrong passwords on one account, or fifty from one network, in a quarter of an hour.
const PRESSURE_PERCENT = 50;

export const abuseDefinitions = {
  pressurePercent: define(
    'CARDEA_PRESSURE_PERCENT',
    wholeNumber(10, 100),
    `\`${PRESSURE_PERCENT}\``,
    'percent of a limit of sign-ins from which on they are unusual (docs/abuse.md): a right password from a browser that the account has never signed in with then needs a mailed code, too',
  ),
} as const;

type ReadPercent = (one: (typeof abuseDefinitions)['pressurePercent']) => number | undefined;

export function readAbuse(read: ReadPercent): AbuseSettings {
  return { pressurePercent: read(abuseDefinitions.pressurePercent) ?? PRESSURE_PERCENT };
}
