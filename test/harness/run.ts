// npm test: obtains Postgres, Redis and Chromium, runs everything, and says on what how much ran.
// Arguments are vitest's filters, and -t a pattern of tests' names: `npm test -- test/config -t issuer`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';
import { buildImage } from '../../src/storage/pglite-image.ts';
import { type Binaries, obtainBinaries, orNamed } from './binaries.ts';
import { openTemplate, startPostgres } from './postgres.ts';
import { durableRedis } from './redis.ts';
import { startRedis } from './redis-server.ts';
import { createCountingReporter, type Summary } from './reporter.ts';

const needed = { postgres: !process.env.TEST_DATABASE_URL, redis: !process.env.TEST_REDIS_URL };
// A developer's own settings must not decide how a test turns out.
for (const name of Object.keys(process.env)) {
  if (name.startsWith('CARDEA_') || ['DATABASE_URL', 'REDIS_URL', 'PORT'].includes(name))
    delete process.env[name];
}

const found = obtainBinaries({ ...needed, chromium: true }, orNamed);
if (!found) console.log('0 passed, 1 failed');
const failures = found ? await runWith(found) : 1;
process.exitCode = failures > 0 ? 1 : 0;

async function runWith(binaries: Binaries): Promise<number> {
  const servers: { close(): Promise<void> }[] = [];
  const reporter = createCountingReporter();
  let crashed = 0;
  const ports = mkdtempSync(join(tmpdir(), 'cardea-ports-'));
  process.env.TEST_PORTS = ports;
  try {
    if (needed.postgres) {
      const postgres = await startPostgres(binaries.postgresDir ? { binaries: binaries.postgresDir } : {});
      servers.push(postgres);
      process.env.TEST_DATABASE_URL = postgres.url;
    }
    if (needed.redis) {
      const redis = await startRedis(durableRedis);
      servers.push(redis);
      process.env.TEST_REDIS_URL = redis.url;
    }
    servers.push(await openTemplate());
    if (binaries.chromium) process.env.TEST_CHROMIUM = binaries.chromium;
    // An image of older migrations is of no use: without this each embedded start would run initdb and all of them.
    await buildImage();
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { testNamePattern: { type: 'string', short: 't' } },
    });
    const vitest = await startVitest('test', positionals, {
      ...values,
      watch: false,
      reporters: ['default', reporter],
    });
    await vitest.close();
  } catch (error) {
    crashed = 1;
    console.error(error);
  } finally {
    for (const server of servers.reverse()) await server.close();
    rmSync(ports, { recursive: true, force: true });
  }
  const summary = reporter.summary();
  // No test at all is no success.
  const failed = summary.failed + crashed + (summary.passed + summary.failed + crashed === 0 ? 1 : 0);
  print(summary, failed);
  return failed;
}

function print({ passed, skipped, byBackend }: Summary, failed: number): void {
  console.log('\nTests by what they ran on (the others need no server):');
  for (const [name, count] of byBackend) console.log(`  ${name.padEnd(20)} ${count}`);
  if (skipped.length > 0)
    console.log(`Skipped: ${skipped.length}\n${skipped.map((name) => `  ${name}`).join('\n')}`);
  console.log(`\n${passed} passed, ${failed} failed`);
}
