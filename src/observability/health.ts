import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** Resolves when the thing works, throws when not: a store answers, migrations are applied, keys are there. */
export type HealthCheck = () => Promise<unknown>;

export interface Readiness {
  readonly ready: boolean;
  /** Names of what fails. For logs; the answer over HTTP does not show them. */
  readonly failing: readonly string[];
}

export interface Health {
  /** The process runs. True while stores are away: a restart would not bring them back. */
  live(): boolean;
  /** May traffic come? Cached for at most a second, so that probes cost the stores nothing. */
  ready(): Promise<Readiness>;
  /** From now on not ready, while requests in flight are finished. */
  stopping(): void;
}

export interface HealthOptions {
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** Milliseconds since the epoch; the system's own clock unless a test moves it. */
  readonly clock?: { now(): number };
  readonly log: Log;
  readonly metrics?: Pick<Metrics, 'gauge'>;
}

// One second of cache and 0.9 s for a check that hangs: readiness turns within two seconds of the fault.
const cacheMs = 1000;
const checkMs = 900;

export function createHealth({
  checks,
  clock = { now: () => Date.now() },
  log,
  metrics,
}: HealthOptions): Health {
  let last: { at: number; readiness: Readiness } | undefined;
  let running: Promise<Readiness> | undefined;
  let failingBefore: readonly string[] = [];
  let stopped = false;

  async function judge(): Promise<Readiness> {
    const failing: string[] = [];
    const reasons: Record<string, unknown> = {};
    await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        try {
          await within(checkMs, check());
          metrics?.gauge('cardea_check_up', 1, { check: name });
        } catch (error) {
          metrics?.gauge('cardea_check_up', 0, { check: name });
          failing.push(name);
          reasons[name] = error;
        }
      }),
    );
    failing.sort();
    // One line when it breaks and one when it heals: an outage must not write ten thousand.
    if (failing.join() !== failingBefore.join()) {
      if (failing.length > 0) log.error('not ready', { failing, reasons });
      else log.info('ready again');
      failingBefore = failing;
    }
    return { ready: failing.length === 0, failing };
  }

  return {
    live: () => true,
    stopping: () => {
      stopped = true;
    },
    ready: async () => {
      if (stopped) return { ready: false, failing: ['stopping'] };
      // A clock that was set back must not keep an old answer alive.
      const age = last ? clock.now() - last.at : Number.POSITIVE_INFINITY;
      if (last && age >= 0 && age < cacheMs) return last.readiness;
      running ??= judge().finally(() => {
        running = undefined;
      });
      const readiness = await running;
      last = { at: clock.now(), readiness };
      return readiness;
    },
  };
}

async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
