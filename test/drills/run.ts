/**
 * `npm run drills`: breaks a real installation on purpose and holds it against a ledger of what it had acknowledged
 * (invariants I1 to I6). Prints one table; exits with 1 when an invariant was broken. Arguments are ids: `F4 F7`.
 */
import { obtainBinaries } from '../harness/binaries.ts';
import { startPostgres } from '../harness/postgres.ts';
import { durableRedis } from '../harness/redis.ts';
import { startRedis } from '../harness/redis-server.ts';
import { crashDrill } from './crash-drill.ts';
import { failoverDrills } from './failover-drills.ts';
import { herdDrills } from './herd-drills.ts';
import { loginDrills } from './login-drills.ts';
import { logoutDrill } from './logout-drill.ts';
import { mailDrill } from './mail-drill.ts';
import { postgresDrills } from './postgres-drills.ts';
import { processDrills } from './process-drills.ts';
import { redisDrills } from './redis-drills.ts';
import { refreshDrill } from './refresh-drill.ts';
import type { Drill, Result, Rig } from './rig.ts';
import { rotationDrills } from './rotation-drills.ts';
import { upgradeDrills } from './upgrade-drills.ts';
import { openWorld, ownStores } from './world.ts';

const asked = process.argv.slice(2);
if (!obtainBinaries({ postgres: true, redis: true })) process.exit(1);
const all = [
  ...processDrills,
  ...redisDrills,
  ...failoverDrills,
  ...postgresDrills,
  ...loginDrills,
  ...herdDrills,
  ...rotationDrills,
  ...upgradeDrills,
  refreshDrill,
  logoutDrill,
  mailDrill,
  crashDrill,
].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
const drills = all.filter(({ id }) => asked.length === 0 || asked.includes(id));
const startedAt = performance.now();

/** All together stay under eight minutes; one that hangs is a fault, not a wait. */
const LONGEST_MS = 90_000;
const tooLong = () =>
  new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error(`not over within ${LONGEST_MS} ms`)), LONGEST_MS).unref(),
  );

const [postgres, redis] = await Promise.all([
  startPostgres({ settings: { max_connections: 60 } }),
  startRedis(durableRedis),
]);
const world = await openWorld(ownStores(postgres, redis), {
  processes: 2,
  // One address signs in hundreds of times here; what one account may is left as it is.
  environment: { CARDEA_LIMIT_SIGN_IN_PER_NETWORK: '100000/15m' },
});
const rig: Rig = { postgres, redis, world };
const rows: { drill: Drill; result: Result; seconds: number }[] = [];
try {
  for (const drill of drills) {
    while (world.processes.length < 2) await world.spawn();
    const drillStartedAt = performance.now();
    const result = await Promise.race([drill.run(rig), tooLong()]).catch((error: unknown): Result => {
      const cause = error instanceof Error && error.cause ? ` (${String(error.cause)})` : '';
      return { told: 'ended by a fault', violations: [`fault: ${String(error).slice(0, 300)}${cause}`] };
    });
    rows.push({ drill, result, seconds: (performance.now() - drillStartedAt) / 1000 });
    const last = rows.at(-1);
    if (last) console.log(lineOf(last));
  }
} finally {
  await world.close();
  await redis.close();
  await postgres.close();
}

console.log(`\n| drill | what was done and seen | violations | verdict |\n|---|---|---|---|`);
for (const { drill, result } of rows) {
  const { violations, missed, told } = result;
  const verdict = violations.length > 0 ? 'BROKEN' : missed ? `holds; missed: ${missed}` : 'holds';
  console.log(`| ${drill.id} ${drill.title} | ${told} | ${violations.length} | ${verdict} |`);
}
const broken = rows.reduce((sum, { result }) => sum + result.violations.length, 0);
console.log(
  `\n${rows.length} drills in ${Math.round((performance.now() - startedAt) / 1000)} s: ${broken} violations`,
);
for (const { drill, result } of rows) {
  for (const violation of result.violations.slice(0, 5)) console.log(`${drill.id} ${violation}`);
}
// What a server logs while a store is away is expected; what else it logged tells why.
const telling = world.errors().filter((line) => !line.includes('"msg":"not ready"'));
if (broken > 0) for (const line of telling.slice(-8)) console.log(line.slice(0, 1_200));
// A drill that was given up may still hold something open.
process.exit(broken > 0 || rows.length === 0 ? 1 : 0);

function lineOf({ drill, result, seconds }: (typeof rows)[number]): string {
  const verdict = result.violations.length > 0 ? `BROKEN (${result.violations.length})` : 'holds';
  return `${drill.id.padEnd(4)} ${verdict.padEnd(12)} ${seconds.toFixed(0).padStart(3)} s  ${result.told}`;
}
