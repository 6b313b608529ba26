/**
 * Tells clients that a session has ended (OpenID Connect Back-Channel Logout 1.0 section 2.5). The notices were written
 * with the fact (storage/logout-notices.ts); here they are delivered, by whichever process gets to them: at once by the
 * one that signed the person out, later by any. One receiver is told one thing at a time, all together are bounded, and
 * one that does not answer is asked again after growing pauses, then given up.
 */
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Log } from '../observability/log.ts';
import type { LogoutNotice, LogoutQueue } from '../storage/logout-queue.ts';

/** Sends one logout token. Rejects when the receiver did not take it, or cannot be reached. */
export type Tell = (notice: { clientId: string; accountId: string; sid: string }) => Promise<void>;

export interface LogoutDelivery {
  /** Delivers what is due, every second and whenever something was done, until `close`. */
  start(tell: Tell): void;
  /** Delivers a sign-out's notices now, and waits for that at most `waitMs`. @returns whether all were told */
  settle(signOut: string, waitMs: number): Promise<boolean>;
  close(): Promise<void>;
}

/** In flight at once in this process: half of what the guarded client has (outbound.ts), the rest is for sign-ins. */
const MOST_IN_FLIGHT = 32;
const EVERY_MS = 1_000;
/** After the first, second … failure; then given up. Nine hours in all: a night's outage at a receiver is survived. */
const PAUSES_SECONDS = [2, 10, 60, 300, 1800, 7200, 21_600];

export function createLogoutDelivery(o: {
  queue: LogoutQueue;
  clock: Clock;
  log: Log;
  audit: Pick<Audit, 'later'>;
  onOutcome: (outcome: 'told' | 'failed' | 'given-up') => void;
}): LogoutDelivery {
  const { queue, clock, log, audit, onOutcome } = o;
  const inFlight = new Map<string, Promise<void>>();
  let tell: Tell | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pumping: Promise<void> | undefined;
  let again = false;
  let closed = false;

  async function deliver(notice: LogoutNotice): Promise<void> {
    try {
      await tell?.(notice);
    } catch (error) {
      await fail(notice, error instanceof Error ? error.message : 'it was not told');
      return;
    }
    await queue.told(notice.id);
    onOutcome('told');
  }

  async function fail(notice: LogoutNotice, fault: string): Promise<void> {
    const pause = PAUSES_SECONDS[notice.tries - 1];
    log.warn('a client was not told of a sign-out', {
      clientId: notice.clientId,
      tries: notice.tries,
      fault,
    });
    await queue.failed(notice, fault, pause === undefined ? undefined : clock.now() + pause * 1000);
    onOutcome(pause === undefined ? 'given-up' : 'failed');
    if (pause !== undefined) return;
    const { clientId, accountId, tries } = notice;
    audit.later({
      type: 'logout.given-up',
      actor: { kind: 'system' },
      clientId,
      accountId,
      detail: { tries },
    });
  }

  function begin(notice: LogoutNotice): Promise<void> {
    const delivery = deliver(notice)
      .catch((error: unknown) => log.warn('a logout notice stays due', { fault: String(error) }))
      .finally(() => {
        inFlight.delete(notice.clientId);
        if (timer) pump();
      });
    inFlight.set(notice.clientId, delivery);
    return delivery;
  }

  async function round(): Promise<void> {
    const free = MOST_IN_FLIGHT - inFlight.size;
    if (free <= 0 || closed || !tell) return;
    for (const notice of await queue.claim(free, [...inFlight.keys()])) void begin(notice);
  }

  function pump(): void {
    if (pumping) {
      again = true;
      return;
    }
    pumping = round()
      .catch((error: unknown) => log.warn('logout notices wait', { fault: String(error) }))
      .finally(() => {
        pumping = undefined;
        if (!again) return;
        again = false;
        pump();
      });
  }

  return {
    start(how) {
      tell = how;
      timer = setInterval(pump, EVERY_MS).unref();
    },
    async settle(signOut, waitMs) {
      if (!tell) return false;
      const notices = await queue.ofSignOut(signOut);
      if (notices.length === 0) return true;
      // What finds no place here, or whose client is being told something else, is taken up by the next rounds; and
      // nobody waits for a client that did not take what it was told before.
      const mine = notices.filter(({ clientId, failing }) => !failing && !inFlight.has(clientId));
      const begun = Promise.all(mine.slice(0, MOST_IN_FLIGHT - inFlight.size).map(begin));
      await Promise.race([begun, passed(waitMs)]);
      return (await queue.ofSignOut(signOut)).length === 0;
    },
    async close() {
      closed = true;
      clearInterval(timer);
      timer = undefined;
      await pumping;
      await Promise.all(inFlight.values());
    },
  };
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
