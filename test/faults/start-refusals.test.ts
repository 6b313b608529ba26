/** T13: what must not start does not, says why in a sentence, and ends with exit code 1; nothing is left open. */
import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { freePort } from '../harness/ports.ts';
import { runCommand, startCardea } from '../harness/processes.ts';
import { startRedis, type TestRedis } from '../harness/redis-server.ts';
import { freshStores, type Stores } from '../harness/server.ts';

const opened: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const one of opened.reverse()) await one.close();
});

async function stores(setup: 'embedded' | 'plain' | 'full'): Promise<Stores> {
  const made = await freshStores(setup, 'empty');
  opened.push({ close: made.drop });
  return made;
}
async function redisWith(settings: readonly string[]): Promise<TestRedis> {
  const redis = await startRedis(settings);
  opened.push(redis);
  return redis;
}
const serve = async (env: Record<string, string>, ...more: string[]) => {
  const port = String(await freePort());
  const loopback = { CARDEA_ISSUER: `http://localhost:${port}`, PORT: port, CARDEA_METRICS_PORT: 'off' };
  const ended = await runCommand({ args: ['serve', ...more], env: { ...loopback, ...env } });
  return { code: ended.code, said: ended.stdout + ended.stderr };
};
const key = randomBytes(32).toString('base64');

describe('serve', () => {
  test('T13: a second process on one embedded data directory', async () => {
    const { environment } = await stores('embedded');
    const first = await startCardea({ env: environment });
    const second = await serve(environment);
    expect(second.code).toBe(1);
    expect(second.said).toMatch(new RegExp(`data directory .* is in use by process ${first.pid}`));
    expect((await fetch(`${first.origin}/health/ready`)).status).toBe(200);
    expect(await first.stop()).toMatchObject({ code: 0 });
    // kill -9 leaves no lock behind.
    const third = await startCardea({ env: environment });
    await third.kill();
    const fourth = await startCardea({ env: environment });
    expect(await fourth.stop()).toMatchObject({ code: 0 });
  }, 60_000);

  test('T13: pending migrations on postgres without --migrate', async () => {
    const { environment } = await stores('plain');
    const refused = await serve(environment);
    expect(refused.code).toBe(1);
    expect(refused.said).toMatch(/migrations are pending: 0001_\w+/);
    expect(refused.said).toContain('cardea migrate');
  }, 30_000);

  test('T13: a Redis that evicts, and one without append-only persistence, each named; its loss can be accepted', async () => {
    const { environment } = await stores('plain');
    const evicting = await redisWith(['--appendonly', 'yes', '--maxmemory-policy', 'allkeys-lru']);
    const one = await serve({ ...environment, REDIS_URL: evicting.url }, '--migrate');
    expect(one).toMatchObject({ code: 1, said: expect.stringMatching(/noeviction/) });
    const forgetful = await redisWith(['--maxmemory-policy', 'noeviction']);
    const two = await serve({ ...environment, REDIS_URL: forgetful.url });
    expect(two).toMatchObject({ code: 1, said: expect.stringMatching(/appendonly yes/) });
    const accepted = { ...environment, REDIS_URL: forgetful.url, CARDEA_REDIS_LOSS_ACCEPTED: 'true' };
    const running = await startCardea({
      env: { ...accepted, CARDEA_ISSUER: 'http://localhost:1' },
    });
    expect(await running.stop()).toMatchObject({ code: 0 });
  }, 60_000);

  test.each<[string, Record<string, string>, RegExp]>([
    ['Redis without Postgres', { REDIS_URL: 'redis://127.0.0.1:1' }, /REDIS_URL.*DATABASE_URL/s],
    [
      'no master key beside Postgres',
      { DATABASE_URL: 'postgres://postgres@127.0.0.1:1/x' },
      /CARDEA_MASTER_KEY/,
    ],
    [
      'no issuer beside Postgres',
      { DATABASE_URL: 'postgres://x', CARDEA_MASTER_KEY: key, CARDEA_ISSUER: '' },
      /CARDEA_ISSUER/,
    ],
    ['an issuer without https', { CARDEA_ISSUER: 'http://id.example.com' }, /CARDEA_ISSUER.*https/s],
    ['a setting that does not exist', { CARDEA_ISUER: 'x' }, /CARDEA_ISUER.*CARDEA_ISSUER/s],
    [
      'several faults at once',
      { PORT: 'x', CARDEA_LEASE_MS: '1' },
      /PORT[\s\S]*CARDEA_LEASE_MS|CARDEA_LEASE_MS[\s\S]*PORT/,
    ],
  ])('T13: %s', async (_name, env, said) => {
    const refused = await serve({ CARDEA_DATA_DIR: '/nonexistent', ...env });
    expect(refused.code).toBe(1);
    expect(refused.said).toMatch(said);
    expect(refused.said).not.toContain(key);
  });

  test('T13: stores that do not answer', async () => {
    const environment = { DATABASE_URL: 'postgres://postgres@127.0.0.1:1/x', CARDEA_MASTER_KEY: key };
    const refused = await serve(environment);
    expect(refused.code).toBe(1);
    expect(refused.said).toMatch(/postgres does not answer/i);
    expect(refused.said).not.toMatch(/\n\s+at /);
    const { environment: real } = await stores('plain');
    const noRedis = await serve({ ...real, REDIS_URL: 'redis://127.0.0.1:1' }, '--migrate');
    expect(noRedis).toMatchObject({
      code: 1,
      said: expect.stringMatching(/Redis did not answer|Redis does not answer/),
    });
  }, 30_000);
});
