/**
 * What the servers acknowledged, written down by those who were told, apart from everything the program keeps. After a
 * drill it is held against what the servers then say (invariants I1 to I3 of docs and drills).
 */
import { basic } from '../harness/two.ts';
import { askToken, type Caller, isAnswer, isPolite503, jsonOf, type Outcome } from './load.ts';
import type { Seeds } from './world.ts';

export interface Counts {
  answered: number;
  /** Told 503, politely. */
  unavailable: number;
  /** The connection broke or nothing came. */
  broken: number;
}

export interface Ledger {
  readonly counts: Counts;
  readonly violations: string[];
  /** Newest refresh token of each family that was acknowledged and not ended. */
  readonly alive: Set<string>;
  readonly revoked: Set<string>;
  /** Successful redemptions of each code. */
  readonly codeWins: Map<string, number>;
  /** Facts of an operator: accounts made, with their present password. */
  readonly accounts: Map<string, string>;
  violate(invariant: string, what: string): void;
  /** Sorts an outcome; whatever is neither an answer that this request may get nor polite breaks I4. */
  note(outcome: Outcome, allowed: readonly number[], what: string): 'answered' | 'again';
}

export function openLedger(): Ledger {
  const counts: Counts = { answered: 0, unavailable: 0, broken: 0 };
  const violations: string[] = [];
  const ledger: Ledger = {
    counts,
    violations,
    alive: new Set(),
    revoked: new Set(),
    codeWins: new Map(),
    accounts: new Map(),
    violate: (invariant, what) => void violations.push(`${invariant}: ${what.slice(0, 400)}`),
    note(outcome, allowed, what) {
      if (!isAnswer(outcome)) {
        counts.broken += 1;
        return 'again';
      }
      if (isPolite503(outcome)) {
        counts.unavailable += 1;
        return 'again';
      }
      if (!allowed.includes(outcome.status)) {
        ledger.violate('I4', `${what}: ${outcome.status} ${outcome.text}`);
        return 'again';
      }
      counts.answered += 1;
      return 'answered';
    },
  };
  return ledger;
}

/** An answer that is not "not now": asked until then, for at most 20 s. */
export async function settled(ask: () => Promise<Outcome>): Promise<Outcome> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const outcome = await ask();
    if ((isAnswer(outcome) && !isPolite503(outcome)) || performance.now() > deadline) return outcome;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const show = (outcome: Outcome) =>
  isAnswer(outcome) ? `${outcome.status} ${outcome.text.slice(0, 200)}` : outcome.broken;

/** Holds the families and codes of the ledger against the servers. `dead`: the drill was to end all that lived. */
export async function checkTokens(
  ledger: Ledger,
  caller: Caller,
  { web }: Seeds,
  { dead = false } = {},
): Promise<void> {
  for (const [code, wins] of ledger.codeWins) {
    if (wins > 1) ledger.violate('I1', `a code was redeemed ${wins} times (${code.slice(0, 8)}…)`);
  }
  const refresh = (token: string) =>
    settled(() => askToken(caller, web, { grant_type: 'refresh_token', refresh_token: token }));
  for (const token of ledger.alive) {
    const outcome = await refresh(token);
    const works = isAnswer(outcome) && outcome.status === 200;
    if (works === dead) {
      ledger.violate(dead ? 'I3' : 'I2', `a family's newest refresh token: ${show(outcome)}`);
    }
    if (!works || dead) continue;
    // Once its successor has been used, the older one is theft.
    const second = await refresh(String(jsonOf(outcome).refresh_token));
    if (!isAnswer(second) || second.status !== 200) ledger.violate('I2', `its successor: ${show(second)}`);
    const again = await refresh(token);
    if (!isAnswer(again) || again.status !== 400)
      ledger.violate('I1', `an old refresh token: ${show(again)}`);
  }
  for (const token of ledger.revoked) {
    const outcome = await refresh(token);
    if (jsonOf(outcome).error !== 'invalid_grant') ledger.violate('I3', `a revoked token: ${show(outcome)}`);
    const seen = await settled(() =>
      caller.ask('/oauth2/introspect', { form: { token }, headers: basic(web) }),
    );
    if (jsonOf(seen).active !== false) ledger.violate('I3', `a revoked token: ${show(seen)}`);
  }
}
