/** Start and memory of every set-up: from the spawn to the first 200, and what the process holds when it is at rest. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '../src/storage/pglite-image.ts';
import { startChild } from './child.ts';
import { median } from './statistics.ts';

export interface Start {
  readonly setup: string;
  /** Seconds to the first 200 of discovery. */
  readonly seconds: number;
  /** Resident MiB at rest. */
  readonly idle: number;
}

/** @param environment of Postgres and Redis, migrated */
export async function measureStarts(
  environment: Readonly<Record<string, string>>,
  { repeats, settleSeconds }: { repeats: number; settleSeconds: number },
): Promise<Start[]> {
  // As `npm install` leaves it: the image of a checkout from before the newest migration is of no use.
  await buildImage();
  const { REDIS_URL: _, ...plain } = environment;
  const found = new Map<string, { seconds: number[]; idle: number[] }>();
  const start = async (setup: string, settings: Readonly<Record<string, string>>) => {
    const child = await startChild(['bin/cardea.js', 'serve', '--migrate'], settings);
    await new Promise((resolve) => setTimeout(resolve, settleSeconds * 1000));
    const one = found.get(setup) ?? { seconds: [], idle: [] };
    found.set(setup, one);
    one.seconds.push(child.startSeconds);
    one.idle.push(child.memory());
    await child.stop();
  };
  for (let n = 0; n < repeats; n += 1) {
    const dataDir = mkdtempSync(join(tmpdir(), 'cardea-bench-'));
    await start('embedded, first start', { CARDEA_DATA_DIR: dataDir });
    await start('embedded', { CARDEA_DATA_DIR: dataDir });
    rmSync(dataDir, { recursive: true, force: true });
    await start('Postgres', plain);
    await start('Postgres and Redis', environment);
  }
  return [...found].map(([setup, { seconds, idle }]) => ({
    setup,
    seconds: median(seconds),
    idle: median(idle),
  }));
}
