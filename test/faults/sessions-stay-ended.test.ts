/** F6, I3: a Redis that comes back with older data does not bring an ended session or its family back. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pulseKey } from '../../src/storage/redis-keys.ts';
import { formTo } from '../harness/agent.ts';
import { createBrowser, redeemForm } from '../harness/codes.ts';
import { until } from '../harness/ports.ts';
import { freshDatabase } from '../harness/postgres.ts';
import { startRedis, type TestRedis } from '../harness/redis-server.ts';
import { seedPerson, seedWebClient } from '../harness/seed.ts';
import { startServer, type TestServer } from '../harness/server.ts';
import { askPort, basic } from '../harness/two.ts';

let redis: TestRedis;
let database: Awaited<ReturnType<typeof freshDatabase>>;
let server: TestServer;

beforeAll(async () => {
  redis = await startRedis(['--appendonly', 'yes']);
  database = await freshDatabase();
  const environment = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    CARDEA_MASTER_KEY: randomBytes(32).toString('base64'),
  };
  server = await startServer({ environment, drop: async () => undefined });
});
afterAll(async () => {
  await server?.stop();
  await redis?.close();
  await database?.drop();
});

test('older data under the same server: the session stays ended (on redis)', async () => {
  const person = await seedPerson(server.rooms);
  const client = await seedWebClient(server.rooms);
  const browser = createBrowser(server.issuer, client, person);
  const code = await browser.code('openid');
  const host = new URL(server.issuer).host;
  const ask = (path: string, o: Parameters<typeof askPort>[3]) =>
    askPort(server.settings.port, host, path, o);
  const redeemed = await ask('/oauth2/token', { form: redeemForm(code), headers: basic(client) });
  const { access_token: token } = JSON.parse(redeemed.text);
  const userinfo = () => ask('/oauth2/userinfo', { headers: { authorization: `Bearer ${token}` } });
  expect((await userinfo()).status).toBe(200);

  const connection = new Redis(redis.url);
  const keys = await connection.keys('*');
  const kept = await Promise.all(
    keys.map(async (key) => [key, await connection.dumpBuffer(key), await connection.pttl(key)] as const),
  );
  // The same cookies in a second browser, as a thief would hold them: signing out takes them back from the first only.
  const thief = browser.agent.clone();
  const front = await browser.agent.get(server.issuer);
  const form = formTo(front, '/sign-out');
  await browser.agent.post(form.action, form.fields);
  expect((await userinfo()).status).toBe(401);

  // Older by more than the second that the watch over Redis beats in.
  const beats = async () => Number(await connection.get(pulseKey(0)));
  const before = await beats();
  await until('two beats', async () => {
    if ((await beats()) < before + 2) throw new Error('not yet');
  });
  // At once: a beat of the server between would be a key that is there already.
  const older = connection.multi().flushall();
  for (const [key, value, ttl] of kept) if (value) older.restore(key, Math.max(1, ttl), value);
  expect((await older.exec())?.map(([error]) => error)).toEqual([null, ...kept.map(() => null)]);
  connection.disconnect();

  await until('healed', async () => {
    const answer = await userinfo();
    if (answer.status !== 401) throw new Error(String(answer.status));
    const page = await thief.get(server.issuer);
    if (page.status !== 200 || page.text.includes(person.email)) throw new Error('signed in again');
  });
  // And it stays so.
  expect((await userinfo()).status).toBe(401);
});
