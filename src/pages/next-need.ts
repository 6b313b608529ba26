/** What a sign-in still lacks, from what was proved, what is demanded and what the account has. Pure, and all of it. */
import type { SecondFactorPolicy } from '../config/second-factor.ts';
import type { WantedRanks } from '../protocol/level-checks.ts';
import { joinMethods, type Rank, rankOf } from '../protocol/levels.ts';
import { type Enrolment, methodsOf } from './factor.ts';
import type { FactorKind } from './front-door.ts';

export interface Situation {
  readonly amr: readonly string[];
  /** The strictest of all that apply. */
  readonly policy: SecondFactorPolicy;
  readonly wanted: WantedRanks;
  /** What this account can be asked for, strongest first. */
  readonly has: readonly FactorKind[];
  /** A password from an unknown browser amid many failures. */
  readonly suspected?: boolean | undefined;
}

export type Need =
  | { readonly kind: 'nothing' }
  /** Any one of these brings the sign-in on. */
  | { readonly kind: 'factor'; readonly kinds: readonly FactorKind[]; readonly why?: 'suspicion' }
  /** The account lacks what policy demands. */
  | { readonly kind: 'enrol'; readonly kinds: readonly Enrolment['kind'][] };

/** The rank below which nobody gets in, whatever the account has; of a single account see `rankOfPolicy`. */
export function demandedRank(policy: SecondFactorPolicy): Rank {
  return policy === 'passkey' ? 3 : policy === 'required' ? 2 : 1;
}

/** Whether the answer can depend on what the account has: otherwise that need not be looked up. */
export function dependsOnFactors({ amr, policy, wanted, suspected }: Omit<Situation, 'has'>): boolean {
  const rank = rankOf(amr);
  if (suspected) return true;
  return rank < 3 && (policy !== 'none' || wanted.must > rank || wanted.wish > rank);
}

export function nextNeed(situation: Situation): Need {
  const need = regularNeed(situation);
  const { amr, has, suspected } = situation;
  // Another factor settles the suspicion. One that would only now be set up does not: the thief would set up his own.
  if (!suspected || need.kind === 'factor' || !has.includes('email') || amr.some((one) => one !== 'pwd')) {
    return need;
  }
  return { kind: 'factor', kinds: ['email'], why: 'suspicion' };
}

function regularNeed(situation: Situation): Need {
  const { policy, wanted } = situation;
  const amr = countedMethods(situation);
  const rank = rankOf(amr);
  const has = usable(situation, wanted.must > rank ? 'demand' : 'wish');
  const demanded = rankOfPolicy(policy, has);
  const asked = Math.max(wanted.must, wanted.wish) as Rank;
  // What only the request asks for is asked of those who have it: setting a factor up in the middle of a step-up would
  // let whoever holds a stolen session reach any level.
  const goal = Math.max(demanded, reach(amr, has) >= asked ? asked : 0);
  if (rank >= goal) return { kind: 'nothing' };
  const bringOn = has.filter((kind) => rankWith(amr, kind) > rank);
  const enough = bringOn.filter((kind) => rankWith(amr, kind) >= goal);
  const kinds = enough.length > 0 ? enough : bringOn;
  // Before another factor is set up the ones that are there are asked for (ASVS 5 6.4.3).
  if (kinds.length > 0) return { kind: 'factor', kinds };
  return { kind: 'enrol', kinds: demanded === 3 ? ['passkey'] : ['passkey', 'totp'] };
}

/** What suspicion alone has asked for is no factor that a policy demands: a mailed code is nobody's choice to set up. */
function countedMethods({ amr, policy, suspected }: Situation): readonly string[] {
  if (!suspected || demandedRank(policy) < 2) return amr;
  return joinMethods(amr.filter((method) => method !== 'email' && method !== 'mfa'));
}

/** Whether these methods, with the factors that the account has, get to the rank that a request demands or wishes for. */
export function canReach(situation: Omit<Situation, 'wanted'>, asks: 'demand' | 'wish', rank: Rank): boolean {
  return reach(situation.amr, usable(situation, asks)) >= rank;
}

/**
 * A mailed code is the weakest: for what a request demands only, where there is nothing better, and where no policy
 * demands that something be set up. One factor is not two: after a mailed code, or an upstream account behind the same
 * mailbox, it brings nothing on.
 */
function usable(
  { policy, has }: Pick<Situation, 'policy' | 'has'>,
  asks: 'demand' | 'wish',
): readonly FactorKind[] {
  const better = has.filter((kind) => kind !== 'email');
  return better.length > 0 || demandedRank(policy) > 1 || asks === 'wish' ? better : has;
}

/**
 * The rank below which this account does not get in. A code generator is set up to be asked for; a passkey alone may be
 * there for its own way of signing in.
 */
export function rankOfPolicy(policy: SecondFactorPolicy, has: readonly FactorKind[]): Rank {
  if (policy === 'optional') return has.includes('totp') ? 2 : 1;
  return demandedRank(policy);
}

function reach(amr: readonly string[], kinds: readonly FactorKind[]): Rank {
  return rankOf(joinMethods(amr, ...kinds.map((kind) => methodsOf[kind])));
}

function rankWith(amr: readonly string[], kind: FactorKind): Rank {
  return reach(amr, [kind]);
}
