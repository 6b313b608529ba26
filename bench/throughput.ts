/** Cardea and the bare engine in turns, operation by operation: what disturbs the machine disturbs both. */
import { load } from './http-load.ts';
import type { Operation } from './operation.ts';
import { operations } from './operations.ts';
import { median, quantile } from './statistics.ts';
import { type Subject, signInBrowsers } from './subject.ts';

export interface Run {
  readonly perSecond: number;
  /** Processor time of the server's process for one request, in milliseconds. */
  readonly cpuMs: number;
  readonly times: readonly number[];
}

export interface Throughput {
  readonly operation: string;
  readonly ours: number;
  readonly bare?: number;
  /** Medians over the rounds of ours ÷ bare in the same round. */
  readonly ratio?: number;
  readonly lowest?: number;
  readonly highest?: number;
  /** Processor time of ours ÷ bare: moves less than throughput when the machine has other work. */
  readonly cpuRatio?: number;
  readonly p50: number;
  readonly p99: number;
}

export interface Rounds {
  readonly rounds: number;
  /** Of one operation on one server in one round. */
  readonly seconds: number;
  /** Of the same in the round before them that does not count: what it finds is machine code in the making. */
  readonly warmUpSeconds: number;
  /** Only operations with this in their name. */
  readonly operation?: string | undefined;
}

export async function measureThroughput(
  ours: Subject,
  bare: Subject,
  { rounds, seconds, warmUpSeconds, operation: named = '' }: Rounds,
  progress: (text: string) => void,
): Promise<Throughput[]> {
  const asked = operations.filter(({ name }) => name.includes(named));
  const kept = new Map(asked.map(({ name }) => [name, { ours: [] as Run[], bare: [] as Run[] }]));
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
    for (const operation of asked) {
      const runs = kept.get(operation.name);
      const order = round % 2 === 0 ? [ours, bare] : [bare, ours];
      for (const subject of order) {
        if (subject === bare && operation.oursOnly) continue;
        if (subject === bare) await signInBrowsers(bare);
        const run = await runOperation(operation, subject, round === 0 ? warmUpSeconds : seconds);
        if (round > 0) (subject === ours ? runs?.ours : runs?.bare)?.push(run);
      }
    }
  }
  return [...kept].map(([operation, runs]) => summary(operation, runs.ours, runs.bare));
}

async function runOperation(operation: Operation, subject: Subject, seconds: number): Promise<Run> {
  const most = operation.most ?? Number.POSITIVE_INFINITY;
  const times: number[] = [];
  let [requests, elapsed, cpu] = [0, 0, 0];
  while (elapsed < seconds) {
    const work = await operation.prepare(subject, most);
    const cpuBefore = subject.child.cpuSeconds();
    const measured = await load(subject.connections, work, seconds - elapsed);
    cpu += subject.child.cpuSeconds() - cpuBefore;
    requests += measured.requests;
    elapsed += measured.seconds;
    for (const time of measured.times) times.push(time);
  }
  const done = requests / (operation.requests ?? 1);
  return { perSecond: done / elapsed, cpuMs: (cpu / done) * 1000, times };
}

function summary(operation: string, ours: readonly Run[], bare: readonly Run[]): Throughput {
  const times = ours.flatMap((run) => run.times);
  const common = {
    operation,
    ours: median(ours.map(({ perSecond }) => perSecond)),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
  if (bare.length === 0) return common;
  const ratios = ours.map(({ perSecond }, round) => perSecond / (bare[round]?.perSecond ?? Number.NaN));
  const cpuRatios = ours.map(({ cpuMs }, round) => cpuMs / (bare[round]?.cpuMs ?? Number.NaN));
  return {
    ...common,
    bare: median(bare.map(({ perSecond }) => perSecond)),
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    cpuRatio: median(cpuRatios),
  };
}
