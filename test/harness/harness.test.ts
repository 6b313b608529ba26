import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openChromium } from './chromium.ts';
import { freshDatabase, queryDatabase, startPostgres } from './postgres.ts';
import { openMovableClock, runCommand } from './processes.ts';
import { askRedis, durableRedis, freshRedis } from './redis.ts';
import { startRedisCluster } from './redis-cluster.ts';
import { startRedis } from './redis-server.ts';
import { backendsOf } from './reporter.ts';

describe('the test servers', () => {
  it('gives each test file an empty database on Postgres', async () => {
    const [first, second] = await Promise.all([freshDatabase(), freshDatabase()]);
    await queryDatabase(first.url, 'create table mine (id int)');
    expect(await queryDatabase(second.url, "select to_regclass('mine') as found")).toEqual([{ found: null }]);
    await Promise.all([first.drop(), second.drop()]);
    await expect(queryDatabase(first.url, 'select 1')).rejects.toThrow('does not exist');
  });

  it('gives each test file an empty database on Redis', async () => {
    const [first, second] = [await freshRedis(), await freshRedis()];
    await askRedis(first.url, (redis) => redis.set('mine', '1'));
    expect(await askRedis(second.url, (redis) => redis.dbsize())).toBe(0);
    await Promise.all([first.drop(), second.drop()]);
  });

  it('kills and revives an own Postgres, on Postgres', async () => {
    const own = await startPostgres();
    await queryDatabase(own.url, 'create table kept (id int)');
    await own.kill();
    await expect(queryDatabase(own.url, 'select 1')).rejects.toThrow();
    await own.start();
    expect(await queryDatabase(own.url, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
    await own.close();
  });

  it('kills and revives an own server on Redis, which keeps what it was told', async () => {
    const own = await startRedis(durableRedis);
    await askRedis(own.url, (redis) => redis.set('kept', '1'));
    await own.kill('SIGTERM');
    await expect(askRedis(own.url, (redis) => redis.get('kept'))).rejects.toThrow();
    await own.start();
    expect(await askRedis(own.url, (redis) => redis.get('kept'))).toBe('1');
    await own.close();
  });

  it('makes three nodes on Redis Cluster', async () => {
    const cluster = await startRedisCluster();
    expect(new Set(cluster.nodes.map((node) => node.port)).size).toBe(3);
    await cluster.close();
  });

  it('opens a page in Chromium', async () => {
    const browser = await openChromium();
    const page = await browser.newPage();
    await page.setContent('<h1>Sign in</h1>');
    expect(await page.getByRole('heading').textContent()).toBe('Sign in');
    await browser.close();
  });
});

describe('a clock that tests move', () => {
  const clock = openMovableClock();
  let script = '';
  beforeAll(() => {
    script = join(clock.file, '..', 'look.ts');
    writeFileSync(
      script,
      `const day = 86_400_000;
      const look = () => console.log(JSON.stringify({ now: Date.now(), fresh: new Date().getTime(), fixed: new Date(5).getTime(),
        same: new Date() instanceof Date, text: Date().slice(11, 15), parsed: Date.parse('1970-01-02') === day }));
      look();`,
    );
  });
  afterAll(() => clock.close());

  it('moves Date in a process that was started with it', async () => {
    clock.advance(86_400 * 365 * 10);
    const { stdout, stderr } = await runCommand({ args: [], clock, script });
    expect(stderr).toBe('');
    const seen = JSON.parse(stdout);
    expect(Math.abs(seen.now - clock.now())).toBeLessThan(5000);
    expect(Math.abs(seen.fresh - seen.now)).toBeLessThan(1000);
    expect(seen).toMatchObject({
      fixed: 5,
      same: true,
      parsed: true,
      text: String(new Date(clock.now()).getFullYear()),
    });
  });
});

it('tells by its name what a test ran on', () => {
  const expected: Record<string, readonly string[]> = {
    'artifacts on embedded > consume': ['embedded (PGlite)'],
    'artifacts on PGlite > consume': ['embedded (PGlite)'],
    'flows on Postgres and Redis > code': ['Postgres', 'Redis'],
    'artifacts on redis cluster > find': ['Redis Cluster'],
    'sign-in in Chromium > axe': ['Chromium'],
    'workers on the embedded database': [],
    'settings > refuses redis without a database': [],
  };
  for (const [name, backends] of Object.entries(expected)) expect(backendsOf(name), name).toEqual(backends);
});
