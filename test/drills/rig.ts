/** What every drill gets, and what it gives back. */
import { until } from '../harness/ports.ts';
import type { OwnPostgres } from '../harness/postgres.ts';
import type { TestRedis } from '../harness/redis-server.ts';
import { checkTokens, type Ledger, openLedger } from './ledger.ts';
import { startTraffic, type Traffic } from './traffic.ts';
import type { World } from './world.ts';

export interface Rig {
  readonly postgres: OwnPostgres;
  readonly redis: TestRedis;
  /** Two servers on both stores, started anew when a drill left fewer. */
  readonly world: World;
}

export interface Result {
  /** What was done and seen, with numbers. */
  readonly told: string;
  readonly violations: readonly string[];
  /** A bar that was missed without breaking an invariant; the machine may be busy. */
  readonly missed?: string;
}

export interface Drill {
  readonly id: string;
  readonly title: string;
  run(rig: Rig): Promise<Result>;
}

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The 99th percentile, rounded. */
export function at99(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0);
}

/** Runs `breaking` under traffic, waits until all is well again, then holds the ledger against the servers. */
export async function underTraffic(
  { world }: Rig,
  breaking: (traffic: Traffic, ledger: Ledger) => Promise<string>,
  options: { signInAgain?: boolean; actors?: number } = {},
): Promise<Result> {
  const ledger = openLedger();
  const traffic = await startTraffic(world, ledger, options);
  try {
    await pause(500);
    const told = await breaking(traffic, ledger);
    await pause(500);
    await traffic.stop();
    await ready(world, 200);
    await checkTokens(ledger, traffic.caller, world.seeds);
    const { answered, unavailable, broken } = ledger.counts;
    const facts = `${ledger.alive.size} families, ${ledger.revoked.size} revocations, ${ledger.codeWins.size} codes`;
    return {
      told: `${told}; ${answered} answered, ${unavailable} told 503, ${broken} cut; ${facts}`,
      violations: ledger.violations,
    };
  } finally {
    await traffic.stop();
    traffic.caller.close();
  }
}

/** Until every server shows it; ms. */
export async function ready(world: World, status: 200 | 503, withinMs = 20_000): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    world.processes.map((one) =>
      until(
        `ready ${status}`,
        async () => {
          const answer = await one.ask('/health/ready');
          if (answer.status !== status) throw new Error(`${answer.status}`);
        },
        withinMs,
      ),
    ),
  );
  return Math.round(performance.now() - startedAt);
}

/** What must go on while a store is away (I4, I6): asked of every server. @returns the slowest, ms */
export async function expectSteady(world: World, ledger: Ledger): Promise<number> {
  let slowest = 0;
  for (const one of world.processes) {
    for (const path of ['/health/live', '/oauth2/jwks', '/.well-known/openid-configuration']) {
      const startedAt = performance.now();
      const { status } = await one.ask(path);
      slowest = Math.max(slowest, performance.now() - startedAt);
      if (status !== 200) ledger.violate('I4', `${path}: ${status}`);
    }
  }
  return Math.round(slowest);
}

/** An outage under traffic: unready, steady, back. @returns the sentence with its numbers */
export async function outage(
  { world }: Rig,
  ledger: Ledger,
  o: { begin(): Promise<unknown>; end(): Promise<unknown>; lastsMs?: number },
): Promise<string> {
  await o.begin();
  let unreadyMs: number;
  let slowestMs: number;
  try {
    unreadyMs = await ready(world, 503);
    slowestMs = await expectSteady(world, ledger);
    await pause(o.lastsMs ?? 1_500);
  } finally {
    await o.end();
  }
  const healedMs = await ready(world, 200);
  if (unreadyMs > 2_500) ledger.violate('I6', `unready only after ${unreadyMs} ms`);
  if (healedMs > 5_000) ledger.violate('I5', `ready only ${healedMs} ms after the store`);
  return `unready after ${unreadyMs} ms, ready ${healedMs} ms after the store, JWKS/live ≤ ${slowestMs} ms`;
}
