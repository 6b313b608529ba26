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

/** Why whoever was asked for a proof was shown the page again. */
export type ProofFault = 'missing' | Exclude<WorkOutcome, 'solved'>;

export interface ProofFront {
  /** What is asked of strangers from this network now; undefined: nothing. */
  demand(purpose: ProofPurpose, network: string): Promise<Demand | undefined>;
  issue(about: WorkFor, pressure: number): Challenge;
  /** Uses it up. */
  redeem(about: WorkFor, solution: Solution): Promise<WorkOutcome>;
  /** Records it, for `explain`. @returns the reference that the page shows */
  refused(about: {
    readonly fault: ProofFault;
    /** Method and path, without anything secret. */
    readonly where: string;
    readonly network: string;
    readonly requestId: string;
  }): string;
  /** Absent where there is no mail. */
  readonly codes?: ProofCodes | undefined;
}
