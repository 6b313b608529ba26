/** When a rush counts as unusual: from which part of a limit on more is asked of strangers than usual. */
import { type Definition, define } from './definition.ts';
import { oneOf, wholeNumber } from './kinds.ts';

export interface AbuseSettings {
  /** Percent of a limit. */
  readonly pressurePercent: number;
  /** Whether strangers' browsers prove some work under pressure. */
  readonly proofOfWork: 'auto' | 'off';
}

// At half of the default limits: five wrong passwords on one account, or fifty from one network, in a quarter of an hour.
const PRESSURE_PERCENT = 50;

export const abuseDefinitions = {
  pressurePercent: define(
    'CARDEA_PRESSURE_PERCENT',
    wholeNumber(10, 100),
    `\`${PRESSURE_PERCENT}\``,
    'percent of a limit of sign-ins from which on they are unusual (docs/abuse.md): a right password from a browser that the account has never signed in with then needs a mailed code, too, and strangers prove work first (`CARDEA_PROOF_OF_WORK`)',
  ),
  proofOfWork: define(
    'CARDEA_PROOF_OF_WORK',
    oneOf(['auto', 'off'] as const),
    '`auto`',
    'under pressure a browser that is not known computes for a moment before a password of its is checked, or brings a mailed code where it runs no scripts; nobody else is asked and nothing is loaded from elsewhere',
  ),
} as const;

type ReadOne = <T>(one: Pick<Definition<T>, 'name' | 'kind'>) => T | undefined;

export function readAbuse(read: ReadOne): AbuseSettings {
  return {
    pressurePercent: read(abuseDefinitions.pressurePercent) ?? PRESSURE_PERCENT,
    proofOfWork: read(abuseDefinitions.proofOfWork) ?? 'auto',
  };
}
