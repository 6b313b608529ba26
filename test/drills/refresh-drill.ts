/**
 * F30: refresh as a property (test/races/refresh-plans.ts), thousands of plans on real processes, some of which are
 * killed by kill -9 in the middle. Every plan has a seed of its own; those that once found something are kept and run first.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import fc from 'fast-check';
import { basic, type Spawned } from '../harness/two.ts';
import { type Installation, type Plan, plans, runPlan } from '../races/refresh-plans.ts';
import { openLedger } from './ledger.ts';
import { askToken, createCaller, isAnswer, jsonOf } from './load.ts';
import { codeForm } from './process-drills.ts';
import type { Drill } from './rig.ts';
import { signedInAgent } from './traffic.ts';
import type { World } from './world.ts';

/** Seeds whose plans found a fault once: a cut request whose commit came when its token was stale, and looked like theft. */
const kept: readonly number[] = [233_307_779];
const PLANS = 3_000;
const KILL_PLANS = 8;
/** At once; all of them together keep two servers busy. */
const PARALLEL = 8;
const BUDGET_MS = 70_000;
/** Of that for the plans with kills: each starts a process. */
const KILLS_MS = 25_000;
const mortal = ['--import', new URL('./die-on-request.ts', import.meta.url).href];

const planOf = (seed: number, kills: boolean): Plan => {
  const [plan] = fc.sample(plans({ kills }), { seed, numRuns: 1 });
  if (!plan) throw new Error('no plan');
  return plan;
};

export const refreshDrill: Drill = {
  id: 'F30',
  title:
    'any interleaving of refreshes, lost answers, cuts and kills: one living successor, or none after theft',
  async run({ world }) {
    const ledger = openLedger();
    const startedAt = performance.now();
    const firstSeed = Math.floor(Math.random() * 1e9);
    let [done, kills] = [0, 0];

    const one = async (installation: Installation, seed: number, mayKill: boolean) => {
      await runPlan(installation, planOf(seed, mayKill)).catch((error: unknown) => {
        ledger.violate('I2', `plan ${seed}${mayKill ? ' with kills' : ''}: ${String(error).slice(0, 400)}`);
      });
      done += 1;
    };
    const { installation, close } = await openInstallation(world, () => {
      kills += 1;
    });
    // One by one, since a kill takes along what others had under way.
    for (let n = 0; n < KILL_PLANS && performance.now() - startedAt < KILLS_MS; n += 1) {
      await one(installation, firstSeed + n, true);
    }
    const seeds = [...kept, ...Array.from({ length: PLANS }, (_, n) => firstSeed + n)];
    await Promise.all(
      Array.from({ length: PARALLEL }, async () => {
        while (performance.now() - startedAt < BUDGET_MS) {
          const seed = seeds.shift();
          if (seed === undefined) return;
          await one(installation, seed, false);
        }
      }),
    );
    close();
    const told = `${done} plans from seed ${firstSeed}, ${kills} kills`;
    const missed = done < 2_000 ? `${done} plans within ${BUDGET_MS / 1000} s` : undefined;
    return { told, violations: ledger.violations, ...(missed ? { missed } : {}) };
  },
};

async function openInstallation(
  world: World,
  onKill: () => void,
): Promise<{ installation: Installation; close: () => void }> {
  const { web } = world.seeds;
  const agent = await signedInAgent(world);
  const callers = new Map<number, ReturnType<typeof createCaller>>();
  const processAt = (place: number): Spawned => {
    const found = world.processes[place % world.processes.length];
    if (!found) throw new Error('no process');
    return found;
  };
  const callerOf = (port: number) => {
    const known = callers.get(port) ?? createCaller(port, world.host);
    callers.set(port, known);
    return known;
  };
  const callerAt = (place: number) => callerOf(processAt(place).port);
  const formOf = (token: string) => ({ grant_type: 'refresh_token', refresh_token: token });

  const installation: Installation = {
    begin: async () => {
      const outcome = await askToken(callerAt(0), web, await codeForm(agent, world));
      return String(jsonOf(outcome).refresh_token);
    },
    async refresh(place, token) {
      const outcome = await askToken(callerAt(place), web, formOf(token));
      // A kept connection that a killed process took along: a client asks again.
      return isAnswer(outcome) ? outcome : installation.refresh(place + 1, token);
    },
    cut: (place, token, afterMs) =>
      new Promise((resolve) => {
        const outgoing = request({
          port: processAt(place).port,
          host: '127.0.0.1',
          path: '/oauth2/token',
          method: 'POST',
          agent: false,
          headers: {
            host: world.host,
            'content-type': 'application/x-www-form-urlencoded',
            ...basic(web),
          },
        });
        outgoing.on('error', () => undefined);
        outgoing.on('response', (incoming) => incoming.resume());
        outgoing.on('close', () => resolve());
        outgoing.end(new URLSearchParams(formOf(token)).toString(), () =>
          setTimeout(() => outgoing.destroy(), afterMs),
        );
      }),
    async kill(token, when) {
      // A machine so busy that no server starts in time kills nobody; the plan goes on without.
      const victim = await world.spawn(mortal).catch(() => undefined);
      if (!victim) return;
      const gone = once(victim.child, 'exit');
      await callerOf(victim.port).ask('/oauth2/token', {
        form: formOf(token),
        headers: { ...basic(web), 'x-drill': when },
      });
      await gone;
      callers.get(victim.port)?.close();
      callers.delete(victim.port);
      onKill();
    },
    async isActive(token) {
      const outcome = await callerAt(1).ask('/oauth2/introspect', { form: { token }, headers: basic(web) });
      return jsonOf(outcome).active === true;
    },
  };
  return {
    installation,
    close: () => {
      for (const caller of callers.values()) caller.close();
    },
  };
}
