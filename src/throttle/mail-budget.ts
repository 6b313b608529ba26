/**
 * How many mails strangers may cause: to one address, from one network, and altogether, so that nobody's mailbox is
 * filled and the sender keeps its name (THREATS A16). What is spent is answered like what is not: nobody learns from it.
 * Two trips, so that somebody whose own budget is spent cannot spend everybody's.
 */
import type { Limits } from '../config/limits.ts';
import type { Counters } from '../storage/counters.ts';

export interface AskedMail {
  /** Canonical, whether an account has it or not. */
  readonly address: string;
  /** networks.ts */
  readonly network: string;
}

export interface MailBudget {
  /** Counts it, and answers whether it may be written. @throws StorageUnavailable */
  take(mail: AskedMail): Promise<boolean>;
}

export function createMailBudget({
  counters,
  limits,
}: {
  counters: Counters;
  limits: Pick<Limits, 'askedMailPerAddress' | 'askedMailPerNetwork' | 'askedMail'>;
}): MailBudget {
  const key = (...parts: readonly string[]) => JSON.stringify(['asked mail', ...parts]);
  return {
    async take({ address, network }) {
      const own = [
        { key: key('address', address), limit: limits.askedMailPerAddress },
        { key: key('network', network), limit: limits.askedMailPerNetwork },
      ];
      const counted = await counters.hitAll(
        own.map((hold) => ({ key: hold.key, windowSeconds: hold.limit.windowSeconds })),
      );
      if (counted.some(({ count }, n) => count > (own[n]?.limit.limit ?? 0))) return false;
      const { limit, windowSeconds } = limits.askedMail;
      return (await counters.hit(key('all'), windowSeconds)).count <= limit;
    },
  };
}
