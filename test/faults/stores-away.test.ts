/**
 * Issue "seen" 6, drills F4, F5, F7, F10 and invariants I4 to I6: a store that is stopped, killed, hung or emptied
 * under two running servers. They say so politely, go on with what needs no store, and heal without a hand.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { askToken, createCaller, isAnswer, isPolite503, jsonOf, type Outcome } from '../drills/load.ts';
import { openWorld, ownStores, redisPid, signalPostgres, type World } from '../drills/world.ts';
import { formTo } from '../harness/agent.ts';
import { type Browser, createBrowser, redeemForm } from '../harness/codes.ts';
import { until } from '../harness/ports.ts';
import { type OwnPostgres, startPostgres } from '../harness/postgres.ts';
import { durableRedis } from '../harness/redis.ts';
import { startRedis, type TestRedis } from '../harness/redis-server.ts';
import { signIn } from '../harness/seed.ts';
import { basic } from '../harness/two.ts';

let postgres: OwnPostgres;
let redis: TestRedis;
let world: World;
let caller: ReturnType<typeof createCaller>;
let browser: Browser;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis(durableRedis)]);
  world = await openWorld(ownStores(postgres, redis), { processes: 2 });
  caller = createCaller(world.balancer.port, world.host);
  browser = createBrowser(world.issuer, world.seeds.web, world.seeds.person);
}, 90_000);
afterAll(async () => {
  caller?.close();
  await world?.close();
  await redis?.close();
  await postgres?.close();
});

const tokens = async (scope = 'openid offline_access') =>
  jsonOf(await askToken(caller, world.seeds.web, redeemForm(await browser.code(scope))));
const refresh = (refreshToken: unknown) =>
  askToken(caller, world.seeds.web, {
    grant_type: 'refresh_token',
    refresh_token: String(refreshToken),
  });
const statusOf = (outcome: Outcome) => (isAnswer(outcome) ? outcome.status : 0);

/** Asks every server by itself until it shows this; the longest time that one took, in ms. */
async function allReady(status: 200 | 503, withinMs: number): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    world.processes.map((one) =>
      until(
        `ready ${status}`,
        async () => {
          const answer = await one.ask('/health/ready');
          if (answer.status !== status) throw new Error(`${answer.status}`);
        },
        withinMs,
      ),
    ),
  );
  return performance.now() - startedAt;
}

const outages: readonly {
  readonly name: string;
  begin(): Promise<void>;
  end(): Promise<void>;
}[] = [
  {
    name: 'Redis killed (F4)',
    begin: () => redis.kill('SIGKILL'),
    end: () => redis.start(),
  },
  {
    name: 'Redis hung (F7)',
    begin: async () => void process.kill(await pidOfRedis(), 'SIGSTOP'),
    end: async () => void process.kill(hungRedis, 'SIGCONT'),
  },
  { name: 'Postgres stopped (F10)', begin: () => postgres.stop(), end: () => postgres.start() },
  {
    name: 'Postgres hung (F12)',
    begin: () => signalPostgres(postgres, 'SIGSTOP'),
    end: () => signalPostgres(postgres, 'SIGCONT'),
  },
];
let hungRedis = 0;
async function pidOfRedis(): Promise<number> {
  hungRedis = await redisPid(redis);
  return hungRedis;
}

/** What holds while a store is away. @returns after how many ms the servers called themselves unready */
async function duringOutage({
  refreshToken,
  accessToken,
}: Record<'refreshToken' | 'accessToken', unknown>): Promise<number> {
  const turnedAfter = await allReady(503, 10_000);
  // 0.9 s for a check that hangs, 1 s of cache; the rest is this machine being busy.
  expect(turnedAfter).toBeLessThan(2_500);

  // A warm process answers for the rest of its lease; from then on none of them does.
  const bearer = { authorization: `Bearer ${String(accessToken)}` };
  await Promise.all(
    world.processes.map((one) =>
      until('the lease is over', async () => {
        const answer = await one.ask('/oauth2/userinfo', { headers: bearer });
        if (answer.status !== 503) throw new Error(`${answer.status}`);
      }),
    ),
  );
  const refused = await Promise.all([
    refresh(refreshToken),
    caller.ask('/oauth2/userinfo', { headers: bearer }),
    caller.ask('/oauth2/introspect', {
      form: { token: String(refreshToken) },
      headers: basic(world.seeds.web),
    }),
    caller.ask('/oauth2/revoke', {
      form: { token: String(refreshToken) },
      headers: basic(world.seeds.web),
    }),
  ]);
  expect(refused.filter((outcome) => !isPolite503(outcome))).toEqual([]);

  const documents = ['/health/live', '/oauth2/jwks', '/.well-known/openid-configuration'];
  for (const one of world.processes) {
    const startedAt = performance.now();
    const answers = await Promise.all(documents.map((path) => one.ask(path)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  }
  return turnedAfter;
}

describe('two servers on postgres and redis', () => {
  test.each(outages)(
    'I4 I5 I6: $name: 503 with Retry-After, live, ready, JWKS, and it heals',
    async ({ name, begin, end }) => {
      const pids = world.processes.map(({ child }) => child.pid);
      const { refresh_token: refreshToken, access_token: accessToken } = await tokens();
      await begin();
      let turnedAfter: number;
      try {
        turnedAfter = await duringOutage({ refreshToken, accessToken });
      } finally {
        await end();
      }
      const healedAfter = await allReady(200, 20_000);
      expect(healedAfter).toBeLessThan(5_000);
      console.log(
        `${name}: unready after ${Math.round(turnedAfter)} ms, ready ${Math.round(healedAfter)} ms after`,
      );
      // What was refused had no effect: neither the token was used up nor revoked.
      const after = await until('the same refresh token', async () => {
        const outcome = await refresh(refreshToken);
        if (isPolite503(outcome)) throw new Error('not yet');
        return outcome;
      });
      expect(after).toMatchObject({ status: 200 });
      expect(world.processes.map(({ child }) => child.pid)).toEqual(pids);
    },
    60_000,
  );

  test('F5 I3: after FLUSHALL one sign-in and no consent page; no ended family and no revoked token lives', async () => {
    const { web, service, person } = world.seeds;
    const [ended, alive, single] = [
      await tokens(),
      await tokens(),
      await tokens('openid offline_access orders:read'),
    ];
    for (const token of [ended.refresh_token, single.access_token]) {
      const form = { token: String(token) };
      expect(await caller.ask('/oauth2/revoke', { form, headers: basic(web) })).toMatchObject({
        status: 200,
      });
    }
    const database = new pg.Client({ connectionString: postgres.url });
    onTestFinished(() => database.end());
    await database.connect();
    const healsOf = async () => Number((await database.query('select heals from redis_state')).rows[0].heals);
    const healsBefore = await healsOf();
    const link = redis.connect();
    await link.flushall();
    link.disconnect();
    // The loss is noticed within a second or two, by one of them; while it heals, the answer is 503.
    await until('the loss is noticed and healed', async () => {
      if ((await healsOf()) <= healsBefore) throw new Error('not yet');
    });
    await until('the empty Redis is trusted', async () => {
      for (const one of world.processes) {
        const form = { grant_type: 'client_credentials' };
        const answer = await one.ask('/oauth2/token', { form, headers: basic(service) });
        if (answer.status !== 200 || (await one.ask('/health/ready')).status !== 200)
          throw new Error('not yet');
      }
    });
    const settled = async (work: () => Promise<Outcome>) =>
      until('an answer', async () => {
        const outcome = await work();
        if (isPolite503(outcome)) throw new Error('not yet');
        return outcome;
      });
    expect(jsonOf(await settled(() => refresh(ended.refresh_token)))).toMatchObject({
      error: 'invalid_grant',
    });
    expect(jsonOf(await settled(() => refresh(alive.refresh_token)))).toMatchObject({
      error: 'invalid_grant',
    });
    for (const token of [single.access_token, ended.access_token, alive.access_token]) {
      const introspection = await settled(() =>
        caller.ask('/oauth2/introspect', { form: { token: String(token) }, headers: basic(web) }),
      );
      expect(jsonOf(introspection)).toEqual({ active: false });
    }

    const { agent } = browser;
    const query = new URLSearchParams({
      client_id: web.clientId,
      response_type: 'code',
      redirect_uri: 'https://app.example.com/callback',
      scope: 'openid offline_access',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    });
    const page = await until('the sign-in page', async () => {
      const shown = await agent.follow(await agent.get(`${world.issuer}/oauth2/authorize?${query}`));
      if (shown.status === 503) throw new Error('not yet');
      return shown;
    });
    expect(formTo(page, '/sign-in').fields).toHaveProperty('email');
    const answer = await signIn(agent, page, person);
    expect(answer.location).toMatch(/^https:\/\/app\.example\.com\/callback\?.*code=/);
    expect(statusOf(await refresh((await tokens()).refresh_token))).toBe(200);
  }, 60_000);
});
