/** What was measured, as lines of the table. */
import { cpus } from 'node:os';
import type { SameTime } from './addresses.ts';
import * as budgets from './budgets.ts';
import type { Counts } from './counts.ts';
import type { SignIns } from './sign-in.ts';
import type { Start } from './starts.ts';
import type { Storm } from './storm.ts';
import type { Section } from './table.ts';
import type { Throughput } from './throughput.ts';

export function headline(seconds: number): string {
  const processor = cpus()[0]?.model ?? 'unknown processor';
  return `Cardea on Postgres and Redis ÷ the bare engine in memory · node ${process.versions.node} · ${cpus().length} × ${processor} · ${Math.round(seconds)} s`;
}

export function throughputSection(
  results: readonly Throughput[],
  memory: { ours: number; bare: number },
): Section {
  return {
    columns: ['requests', 'ratio', 'lowest…highest', 'CPU ratio', 'ours/s', 'bare/s', 'p50 ms', 'p99 ms'],
    rows: [
      ...results.map((one) => ({
        what: one.operation,
        cells: [
          digits(one.ratio, 2),
          one.lowest === undefined ? '' : `${digits(one.lowest, 2)}…${digits(one.highest, 2)}`,
          digits(one.cpuRatio, 2),
          digits(one.ours, 0),
          digits(one.bare, 0),
          digits(one.p50, 1),
          digits(one.p99, 1),
        ],
        budget: budgets.throughput[one.operation],
        value: one.ratio,
      })),
      {
        what: 'MiB after that load',
        cells: ['', '', '', digits(memory.ours, 0), digits(memory.bare, 0), '', ''],
      },
    ],
  };
}

export function signInSection(result: SignIns): Section {
  const { hashMs, signInMs, ratio, cpuRatio, knownMs, unknownMs, samples, p } = result;
  return {
    columns: ['passwords', 'ratio', '', 'CPU ratio', 'left ms', 'right ms'],
    rows: [
      {
        what: 'sign-in ÷ hash alone',
        cells: [digits(ratio, 3), '', digits(cpuRatio, 2), digits(signInMs, 1), digits(hashMs, 1)],
        budget: budgets.signIn,
        value: ratio,
      },
      {
        what: `known ÷ unknown account, ${samples} each`,
        cells: [
          digits(knownMs / unknownMs, 3),
          `p = ${digits(p, 2)}`,
          '',
          digits(knownMs, 2),
          digits(unknownMs, 2),
        ],
        budget: budgets.sameTime,
        value: p,
      },
    ],
  };
}

export function addressSection(found: readonly SameTime[]): Section {
  return {
    columns: ['address with ÷ without an account', 'ratio', '', 'known ms', 'unknown ms'],
    rows: found.map(({ what, samples, knownMs, unknownMs, p }) => ({
      what: `${what}, ${samples} each`,
      cells: [
        digits(knownMs / unknownMs, 3),
        `p = ${digits(p, 2)}`,
        digits(knownMs, 2),
        digits(unknownMs, 2),
      ],
      budget: budgets.sameTime,
      value: p,
    })),
  };
}

export function stormSection(storm: Storm): Section {
  const { people, quietMs, stormMs, tokens, refused, atOnce, putOff, inAtLast, impolite, seconds } = storm;
  const ratio = stormMs / quietMs;
  const grown = storm.memoryMost - storm.memoryBefore;
  return {
    columns: [`storm of ${people} sign-ins`, 'ratio', '', 'seconds', 'storm', 'quiet'],
    rows: [
      {
        what: `client credentials p99 ms, ${tokens} meanwhile, ${refused} refused`,
        cells: [digits(ratio, 2), '', digits(seconds, 1), digits(stormMs, 1), digits(quietMs, 1)],
        budget: budgets.stormRatio,
        value: refused === 0 ? ratio : Number.POSITIVE_INFINITY,
      },
      {
        what: `in at once ${atOnce}, at last ${inAtLast}; told to wait ${putOff} times`,
        cells: ['', '', '', digits(inAtLast, 0), ''],
        budget: budgets.stormImpolite,
        value: Math.max(impolite, people - inAtLast),
      },
      {
        what: 'MiB at the peak',
        cells: ['', '', '', digits(storm.memoryMost, 0), digits(storm.memoryBefore, 0)],
        budget: budgets.stormMemory,
        value: grown,
      },
    ],
  };
}

export function countSection(counts: readonly Counts[]): Section {
  return {
    columns: ['asked of the stores for one', 'Redis', 'permits', '', 'Postgres', 'batches'],
    rows: counts.flatMap(({ operation, redis, limiter, postgres, batches }) => {
      const cells = [digits(redis, 2), digits(limiter, 2), '', digits(postgres, 2), digits(batches, 2)];
      const budget = budgets.redisCommands[operation];
      // A statement on a warm path is a miss of its own, whatever Redis was asked.
      const tooMany = !budgets.keeps(budgets.postgresStatements, postgres);
      return [{ what: operation, cells, budget, value: tooMany ? Number.POSITIVE_INFINITY : redis }];
    }),
  };
}

export function startSection(starts: readonly Start[]): Section {
  return {
    columns: ['start and rest', 'MiB', '', '', 'seconds', ''],
    rows: starts.map(({ setup, seconds, idle }) => ({
      what: setup,
      cells: [digits(idle, 0), '', '', digits(seconds, 2), `≤ ${budgets.startTime[setup]?.max} s`],
      budget: budgets.idleMemory[setup],
      value: budgets.keeps(budgets.startTime[setup], seconds) ? idle : Number.POSITIVE_INFINITY,
    })),
  };
}

function digits(value: number | undefined, places: number): string {
  return value === undefined ? '' : value.toFixed(places);
}
