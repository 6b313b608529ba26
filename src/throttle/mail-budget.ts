/**
 * How many mails strangers may cause: to one address, from one network, and altogether, so that nobody's mailbox is
 * filled and the sender keeps its name (THREATS A16). What is spent is answered like what is not: nobody learns from it.
 * Two trips, so that somebody whose own budget is spent cannot spend everybody's.
 *
 * A quarter of each is kept for whoever the account knows: a browser that has signed in to it, or somebody who has just
 * typed its password. Strangers who ask for mails to somebody's address cannot keep that person's own from coming.
 */
import type { Limit, Limits } from '../config/limits.ts';
import type { Counters } from '../storage/counters.ts';

export interface AskedMail {
  /** Canonical, whether an account has it or not. */
  readonly address: string;
  /** networks.ts */
  readonly network: string;
  /** Whoever asks is known to the account that has the address: one that was looked up, never one that is claimed. */
  readonly known?: boolean | undefined;
}

export interface MailBudget {
  /** Counts it, and answers whether it may be written. @throws StorageUnavailable */
  take(mail: AskedMail): Promise<boolean>;
}

interface Hold {
  readonly name: readonly string[];
  readonly limit: Limit;
}

export function createMailBudget({
  counters,
  limits,
}: {
  counters: Counters;
  limits: Pick<Limits, 'askedMailPerAddress' | 'askedMailPerNetwork' | 'askedMail'>;
}): MailBudget {
  const hit = (share: string, holds: readonly Hold[]) =>
    counters.hitAll(
      holds.map(({ name, limit }) => ({
        key: JSON.stringify([share, ...name]),
        windowSeconds: limit.windowSeconds,
      })),
    );

  /** What strangers may have first; what is left of the rest for whoever is known. */
  async function takeAll(holds: readonly Hold[], known: boolean): Promise<boolean> {
    const counted = await hit('asked mail', holds);
    const spent = holds.filter(({ limit }, n) => (counted[n]?.count ?? 0) > strangersShare(limit));
    if (spent.length === 0) return true;
    if (!known) return false;
    const kept = await hit('asked mail, known', spent);
    return spent.every(
      ({ limit }, n) => (kept[n]?.count ?? Number.POSITIVE_INFINITY) <= limit.limit - strangersShare(limit),
    );
  }

  return {
    async take({ address, network, known = false }) {
      const own: readonly Hold[] = [
        { name: ['address', address], limit: limits.askedMailPerAddress },
        { name: ['network', network], limit: limits.askedMailPerNetwork },
      ];
      return (
        (await takeAll(own, known)) && (await takeAll([{ name: ['all'], limit: limits.askedMail }], known))
      );
    },
  };
}

/** All but a quarter, and all of a limit that is too small to be parted. */
export function strangersShare({ limit }: Limit): number {
  return limit - Math.floor(limit / 4);
}
