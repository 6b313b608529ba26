/** Several processes on one port: each serves, a killed one comes back, and TERM stops all of them (on postgres). */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../harness/ports.ts';
import { freshStores, type Stores } from '../harness/server.ts';
import { type Spawned, spawnServer } from '../harness/two.ts';

let stores: Stores;
let server: Spawned;

beforeAll(async () => {
  stores = await freshStores('plain');
  server = await spawnServer(stores, { environment: { CARDEA_WORKERS: '2' } });
});
afterAll(async () => {
  await server?.stop();
  await stores?.drop();
});

function children(): number[] {
  return execFileSync('ps', ['-o', 'pid=', '--ppid', String(server.child.pid)], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(Number);
}

test('a killed process is started again, and the port answers all the while', async () => {
  await until('two processes', async () => {
    if (children().length < 2) throw new Error('not yet');
  });
  const [first = 0] = children();
  process.kill(first, 'SIGKILL');
  await until('two again', async () => {
    if ((await server.ask('/health/live')).status !== 200) throw new Error('no answer');
    if (children().length < 2 || children().includes(first)) throw new Error('not yet');
  });
}, 60_000);

test('TERM ends all of them, with exit code 0', async () => {
  const pids = children();
  expect(await server.stop()).toBe(0);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
});
