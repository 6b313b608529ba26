/** What the pages need of the house where strangers have to prove something first, as functions. */
import type { ProofCodes } from '../accounts/proof-codes.ts';
import type { Challenge, Solution, WorkFor, WorkOutcome } from '../throttle/proof-of-work.ts';

/** `sign-in`: a password is checked. */
export type ProofPurpose = 'sign-in';

export interface Demand {
  /** 0 to 1: how far beyond what is usual. */
  readonly pressure: number;
  /** When it is over, if nobody tries on. */
  readonly retryAfterSeconds: number;
}

export interface ProofFront {
  /** What is asked of strangers from this network now; undefined: nothing. */
  demand(purpose: ProofPurpose, network: string): Promise<Demand | undefined>;
  issue(about: WorkFor, pressure: number): Challenge;
  /** Uses it up. */
  redeem(about: WorkFor, solution: Solution): Promise<WorkOutcome>;
  /** Absent where there is no mail. */
  readonly codes?: ProofCodes | undefined;
}
