/**
 * How often a password may be tried. Three counters, of the account, of the network and of both, are raised in one
 * trip before anything is hashed; the number that comes back is this attempt's ticket, so that parallel streams on
 * several processes share the same few. They are keyed on the canonical address whether an account has it or not.
 *
 * From half a limit on, attempts must keep a growing distance (5 s, 10 s, 20 s …); past the limit nothing goes until
 * the window ends, which nobody can put off by trying on. A browser with a device cookie for this account has one
 * counter of its own instead of the three: strangers who spend theirs do not lock it out.
 *
 * The codes of a second factor are tried under the same counters, and under two of the account's own that no browser and
 * no right password opens: whoever tries codes knows the password already, and could sign in with it again and again to
 * have the others cleared.
 *
 * A refusal by distance costs no ticket; attempts that arrive truly at once may each lose theirs, so that the lock then
 * comes earlier, never later.
 */

import type { Clock } from '../config/clock.ts';
import type { Limit, Limits } from '../config/limits.ts';
import type { Counted, Counters } from '../storage/counters.ts';
import { delaySeconds, pressureOf } from './pressure.ts';

export type ThrottleOutcome =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait'; readonly retryAfterSeconds: number };

export interface ThrottledAttempt {
  /** The canonical e-mail address, whether an account has it or not. */
  readonly account: string;
  /** networks.ts */
  readonly network: string;
  /** The id in a device cookie that has been verified for this account and its present password. */
  readonly device?: string | undefined;
  /** A code of a second factor, after the right password; `short`: one that may be guessed (six or eight digits). */
  readonly code?: 'short' | 'long' | undefined;
}

/** What others, and this person, have failed at lately where an attempt was counted: unusual for either. */
export type Unusual = 'account' | 'network';

export interface SignInThrottle {
  /** Counts the attempt, atomically and before anything is hashed. @throws StorageUnavailable */
  check(attempt: ThrottledAttempt): Promise<ThrottleOutcome>;
  /**
   * The right password: what this attempt and earlier ones of this account from here have counted is taken back.
   * @returns what is unusual about the failures that stay counted; never anything for a known browser
   */
  succeeded(attempt: ThrottledAttempt): Promise<Unusual | undefined>;
  /** Nothing was hashed after all (the queue was full): the attempt is taken back. */
  released(attempt: ThrottledAttempt): Promise<void>;
  /** What has failed from this network in its window, without adding; undefined: nothing. */
  ofNetwork(network: string): Promise<Counted | undefined>;
  /** An operator opens the account now, for every network. */
  unlock(account: string): Promise<void>;
}

export type SignInLimits = Pick<
  Limits,
  | 'signInPerAccount'
  | 'signInPerNetwork'
  | 'signInPerAccountAndNetwork'
  | 'signInPerDevice'
  | 'codesPerAccount'
>;

/** One counter an attempt is held against. `gate` is the key that is held while the distance to the last one lasts. */
interface Hold {
  readonly key: string;
  readonly limit: Limit;
  /** Strangers fill it too: from a part of its limit on, that is unusual. */
  readonly of?: Unusual;
  readonly gate?: string;
}

const key = (...parts: readonly (string | number)[]) => JSON.stringify(['sign-in', ...parts]);

export function createSignInThrottle({
  counters,
  limits,
  clock,
  pressurePercent = 50,
}: {
  counters: Counters;
  limits: SignInLimits;
  clock: Clock;
  /** From which part of a limit on failures are unusual (config/abuse.ts). */
  pressurePercent?: number;
}): SignInThrottle {
  function secondsUntil(at: number): number {
    return Math.max(1, Math.ceil((at - clock.now()) / 1000));
  }

  /** What an attempt is held against. `epoch` counts the unlocks of the account, which start its counters afresh. */
  function holdsOf(attempt: ThrottledAttempt, epoch: number): readonly Hold[] {
    const { account, code } = attempt;
    const holds = passwordHolds(attempt, epoch);
    if (code === undefined) return holds;
    const quarter = { key: key('codes', account, epoch), limit: limits.signInPerAccount };
    // A recovery code cannot be guessed, and is what a person still has whose other codes a stranger has spent.
    if (code === 'long') return [...holds, quarter];
    return [...holds, quarter, { key: key('codes a day', account, epoch), limit: limits.codesPerAccount }];
  }

  function passwordHolds({ account, network, device }: ThrottledAttempt, epoch: number): readonly Hold[] {
    if (device !== undefined) {
      return [
        {
          key: key('device', account, device),
          limit: limits.signInPerDevice,
          gate: key('device gate', account, device),
        },
      ];
    }
    return [
      {
        key: key('account', account, epoch),
        limit: limits.signInPerAccount,
        of: 'account',
        gate: key('account gate', account, epoch),
      },
      {
        key: key('both', account, network, epoch),
        limit: limits.signInPerAccountAndNetwork,
        gate: key('both gate', account, network, epoch),
      },
      // Without a gate: many people share one office's address, and each keeps a distance of his own.
      { key: key('network', network), limit: limits.signInPerNetwork, of: 'network' },
    ];
  }

  async function epochOf({ account, device, code }: ThrottledAttempt): Promise<number> {
    if (device !== undefined && code === undefined) return 0;
    return (await counters.read(epochKey(account)))?.count ?? 0;
  }

  /** In which epoch an attempt was counted: what it leaves behind is cleared where it lies, without asking again. */
  const epochs = new WeakMap<ThrottledAttempt, number>();

  async function countedIn(attempt: ThrottledAttempt): Promise<number> {
    return epochs.get(attempt) ?? epochOf(attempt);
  }

  async function closedGates(holds: readonly Hold[]): Promise<readonly Counted[]> {
    const gates = holds.flatMap((hold) => hold.gate ?? []);
    const read = await Promise.all(gates.map((gate) => counters.read(gate)));
    return read.filter((gate) => gate !== undefined);
  }

  async function check(attempt: ThrottledAttempt): Promise<ThrottleOutcome> {
    // Hardly any account was ever unlocked: its gates are read along with its epoch, in one trip.
    const first = holdsOf(attempt, 0);
    const [epoch, closedAtFirst] = await Promise.all([epochOf(attempt), closedGates(first)]);
    epochs.set(attempt, epoch);
    const holds = epoch === 0 ? first : holdsOf(attempt, epoch);
    const held = epoch === 0 ? closedAtFirst : await closedGates(holds);
    if (held.length > 0) return waitUntil(held.map((gate) => gate.resetAt));

    const tickets = await counters.hitAll(
      holds.map(({ key, limit }) => ({ key, windowSeconds: limit.windowSeconds })),
    );
    const counted = holds.map((hold, index) => ({ ...hold, ticket: tickets[index] }));
    const spent = counted.flatMap(({ limit, ticket }) =>
      ticket === undefined || ticket.count > limit.limit ? (ticket?.resetAt ?? clock.now()) : [],
    );
    if (spent.length > 0) return waitUntil(spent);

    const closing = counted.flatMap(({ gate, limit, ticket }) => {
      const windowSeconds = delaySeconds(ticket?.count ?? 0, limit);
      return gate !== undefined && windowSeconds > 0 ? [{ key: gate, windowSeconds }] : [];
    });
    if (closing.length === 0) return { kind: 'go' };
    // Of those that come at once, the one that closes the gate goes; the others wait until it opens.
    const closed = (await counters.hitAll(closing)).filter((gate) => gate.count > 1);
    return closed.length === 0 ? { kind: 'go' } : waitUntil(closed.map((gate) => gate.resetAt));
  }

  function waitUntil(times: readonly number[]): ThrottleOutcome {
    return { kind: 'wait', retryAfterSeconds: Math.max(...times.map(secondsUntil)) };
  }

  /** @returns what is unusual about what is left */
  async function takeBack(holds: readonly Hold[]): Promise<Unusual | undefined> {
    const left = await Promise.all(holds.map(({ key, limit }) => counters.hit(key, limit.windowSeconds, -1)));
    return holds.find(({ limit }, n) => (left[n]?.count ?? 0) >= pressureOf(limit, pressurePercent))?.of;
  }

  return {
    check,
    async succeeded(attempt) {
      const holds = holdsOf(attempt, await countedIn(attempt));
      // What only this person's own tries can have filled is forgotten. Of what strangers fill too, this one attempt is
      // taken back and no more, or each of the person's sign-ins would hand them a fresh allowance.
      const own = attempt.device !== undefined ? holds.slice(0, 1) : holds.slice(1, 2);
      const shared = holds.filter((hold) => !own.includes(hold));
      const [unusual] = await Promise.all([
        takeBack(shared),
        ...own
          .flatMap(({ key, gate }) => [key, ...(gate === undefined ? [] : [gate])])
          .map((key) => counters.clear(key)),
      ]);
      return unusual;
    },
    async released(attempt) {
      await takeBack(holdsOf(attempt, await countedIn(attempt)));
    },
    ofNetwork: (network) => counters.read(key('network', network)),
    async unlock(account) {
      // Outlives every counter of the epoch before it, so that none of them is met again when this one ends.
      const longest = Math.max(
        limits.signInPerAccount.windowSeconds,
        limits.signInPerAccountAndNetwork.windowSeconds,
        limits.codesPerAccount.windowSeconds,
      );
      await counters.hit(epochKey(account), 2 * longest);
    },
  };
}

function epochKey(account: string): string {
  return JSON.stringify(['sign-in', 'unlocked', account]);
}
