/** A bound on requests in flight: in all, and to one host, so that a dead host keeps only its own callers waiting. */

export interface Slots {
  /** Waits for a place. Resolves to the function that gives it back, or to undefined when too many wait already. */
  take(host: string, signal: AbortSignal): Promise<(() => void) | undefined>;
}

interface Waiting {
  readonly host: string;
  readonly go: () => void;
}

/** @param most in flight in all; `mostPerHost` to one host; `mostWaiting` waiting in all */
export function createSlots(options: { most: number; mostPerHost: number; mostWaiting: number }): Slots {
  const { most, mostPerHost, mostWaiting } = options;
  const perHost = new Map<string, number>();
  const waiting = new Set<Waiting>();
  let inFlight = 0;

  const isFree = (host: string) => inFlight < most && (perHost.get(host) ?? 0) < mostPerHost;
  const occupy = (host: string): (() => void) => {
    inFlight += 1;
    perHost.set(host, (perHost.get(host) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      inFlight -= 1;
      const rest = (perHost.get(host) ?? 1) - 1;
      if (rest > 0) perHost.set(host, rest);
      else perHost.delete(host);
      for (const next of waiting) {
        if (inFlight >= most) break;
        if (isFree(next.host)) next.go();
      }
    };
  };

  return {
    take(host, signal) {
      if (isFree(host)) return Promise.resolve(occupy(host));
      if (waiting.size >= mostWaiting || signal.aborted) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        const leave = () => {
          waiting.delete(entry);
          signal.removeEventListener('abort', giveUp);
        };
        const giveUp = () => {
          leave();
          resolve(undefined);
        };
        const entry: Waiting = {
          host,
          go() {
            leave();
            resolve(occupy(host));
          },
        };
        waiting.add(entry);
        signal.addEventListener('abort', giveUp, { once: true });
      });
    },
  };
}
