/** When strangers are asked for a proof before something is done for them, and where it is counted. */
import { createProofCodes } from './accounts/proof-codes.ts';
import type { Demand, ProofFault, ProofFront } from './pages/proof-front.ts';
import type { Rooms } from './rooms.ts';
import { pressureOf } from './throttle/pressure.ts';
import { CHALLENGE_SECONDS } from './throttle/proof-of-work.ts';

type Needs = Pick<
  Rooms,
  | 'settings'
  | 'clock'
  | 'metrics'
  | 'throttle'
  | 'passwords'
  | 'proofOfWork'
  | 'database'
  | 'mail'
  | 'mailedProofs'
  | 'mailBudget'
  | 'codeThrottle'
  | 'refusals'
>;

const received: Readonly<Record<ProofFault, string>> = {
  missing: 'none',
  wrong: 'one that is not solved, or that was given to another form, browser or network',
  outdated: 'one that came too late',
  used: 'one that was accepted before',
};

/** Undefined where it is switched off. */
export function createProofFront(rooms: Needs): ProofFront | undefined {
  const { settings, clock, metrics, throttle, passwords, proofOfWork } = rooms;
  if (settings.abuse.proofOfWork === 'off') return undefined;
  const { pressurePercent } = settings.abuse;
  const count = (outcome: string) => metrics.count('cardea_proofs_of_work_total', { outcome });
  // What strangers may fill of the queue before the hashing (accounts/hashing-queue.ts).
  const places = Math.max(1, Math.floor((settings.argon2.queueLength * 3) / 4));

  const beyond = (many: number, limit: number): number | undefined => {
    const soft = pressureOf({ limit, windowSeconds: 1 }, pressurePercent);
    return many < soft ? undefined : (many - soft) / Math.max(1, limit - soft);
  };

  async function ofPasswords(network: string): Promise<Demand | undefined> {
    const server = beyond(passwords.depth(), places);
    const seen = await throttle.ofNetwork(network);
    const there = seen && beyond(seen.count, settings.limits.signInPerNetwork.limit);
    if (server === undefined && there === undefined) return undefined;
    const untilOver = there === undefined || !seen ? 0 : Math.ceil((seen.resetAt - clock.now()) / 1000);
    return {
      pressure: Math.max(server ?? 0, there ?? 0),
      retryAfterSeconds: Math.max(settings.argon2.queueSeconds, untilOver),
    };
  }

  return {
    demand: (_purpose, network) => ofPasswords(network),
    issue(about, pressure) {
      count('issued');
      return proofOfWork.issue(about, pressure);
    },
    async redeem(about, solution) {
      const outcome = await proofOfWork.redeem(about, solution);
      count(outcome);
      return outcome;
    },
    refused: ({ fault, where, network, requestId }) =>
      rooms.refusals.record({
        kind: 'page',
        rule: 'RFC 6585 section 4',
        error: `proof_of_work_${fault}`,
        expected: `a proof of work that was given to this form, browser and network within ${CHALLENGE_SECONDS} s, used once, or the mailed code in its place`,
        received: `${where}: ${received[fault]}`,
        network,
        requestId,
      }),
    ...(rooms.mail.kind !== 'off' && {
      codes: createProofCodes({
        ...rooms,
        db: rooms.database.db,
        proofs: rooms.mailedProofs,
        budget: rooms.mailBudget,
        lifetimes: settings.lifetimes,
      }),
    }),
  };
}
