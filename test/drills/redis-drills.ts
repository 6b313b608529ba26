/** Drills on Redis: F4, F5, F7, F8, F26. */

import { readdirSync, readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAgent, formTo } from '../harness/agent.ts';
import { authorize, redirectUri } from '../harness/seed.ts';
import { basic, type Spawned } from '../harness/two.ts';
import { checkTokens, openLedger } from './ledger.ts';
import { askToken, createCaller, isAnswer, isPolite503, jsonOf } from './load.ts';
import { openWire } from './proxy.ts';
import { type Drill, expectSteady, outage, pause, type Rig, underTraffic } from './rig.ts';
import { authorizeUrl, signedInAgent, startTraffic } from './traffic.ts';
import { redisPid, type World } from './world.ts';

const f4: Drill = {
  id: 'F4',
  title: 'kill -9 of Redis (append-only), again after 2 s',
  run: (rig) =>
    underTraffic(rig, (_traffic, ledger) =>
      outage(rig, ledger, {
        begin: () => rig.redis.kill('SIGKILL'),
        end: () => rig.redis.start(),
        lastsMs: 1_000,
      }),
    ),
};

const f5: Drill = {
  id: 'F5',
  title: 'FLUSHALL under load',
  async run(rig) {
    const { world, redis } = rig;
    const ledger = openLedger();
    const traffic = await startTraffic(world, ledger);
    await pause(2_000);
    await traffic.stop();
    const link = redis.connect();
    await link.flushall();
    link.disconnect();
    const startedAt = performance.now();
    await pause(1_200); // the pulse looks every second
    const page = await settledPage(world, ledger);
    const healed = Math.round(performance.now() - startedAt);
    // Everything that lived is gone, and what was ended stays so.
    await checkTokens(ledger, traffic.caller, world.seeds, { dead: true });
    const form = formTo(page.page, '/sign-in');
    const { email, password } = world.seeds.person;
    const after = await page.agent.follow(
      await page.agent.post(form.action, { ...form.fields, email, password }),
    );
    if (!after.location?.includes('code='))
      ledger.violate('F5', `not one sign-in and then the app: ${after.status} ${after.url}`);
    const again = await world.rooms.accounts.findByEmail(email);
    if (!again) ledger.violate('I2', 'the account is gone');
    traffic.caller.close();
    return {
      told:
        `${ledger.alive.size} families and ${ledger.revoked.size} revocations before; sign-in page after ` +
        `${healed} ms, no consent page; none lives`,
      violations: ledger.violations,
    };
  },
};

/** The page that a browser gets once Redis is trusted again. */
async function settledPage(world: World, ledger: ReturnType<typeof openLedger>) {
  const agent = createAgent(world.issuer);
  for (let tries = 0; tries < 100; tries += 1) {
    const page = await agent.follow(await agent.get(authorizeUrl(world)));
    if (page.status === 200) return { agent, page };
    if (page.status !== 503) ledger.violate('I4', `${page.status} ${page.url}`);
    await pause(100);
  }
  throw new Error('no page');
}

/** A wire to Redis for two servers that this drill starts and ends. */
async function behindWire(rig: Rig, work: (wire: Awaited<ReturnType<typeof openWire>>) => Promise<string>) {
  const { world, redis } = rig;
  const wire = await openWire({ targets: () => [redis.port] });
  const before = [...world.processes];
  const own = { REDIS_URL: `redis://127.0.0.1:${wire.port}` };
  await world.spawn([], own);
  await world.spawn([], own);
  await Promise.all(before.map((one) => one.stop()));
  try {
    return await work(wire);
  } finally {
    const wired = [...world.processes];
    await world.spawn();
    await world.spawn();
    await Promise.all(wired.map((one) => one.kill()));
    await wire.close();
  }
}

const f7: Drill = {
  id: 'F7',
  title: 'Redis slow (200 ms), hung (SIGSTOP) and half-open (nothing passes)',
  run: async (rig) => {
    const { world, redis } = rig;
    let result: Awaited<ReturnType<typeof underTraffic>> | undefined;
    await behindWire(rig, async (wire) => {
      result = await underTraffic(rig, async (traffic, ledger) => {
        const rss = () => Math.max(...world.processes.map(memoryOf));
        const before = rss();
        wire.fault({ delayMs: 100 }); // each way
        const answered = ledger.counts.answered;
        await pause(3_000);
        const slow = ledger.counts.answered - answered;
        if (slow < 10) ledger.violate('F7', `only ${slow} requests were answered with 200 ms to Redis`);
        wire.fault({});
        // It answers nobody who asks for its pid while it is stopped.
        const pid = await redisPid(redis);
        const hung = await outage(rig, ledger, {
          begin: async () => process.kill(pid, 'SIGSTOP'),
          end: async () => process.kill(pid, 'SIGCONT'),
        });
        const burst = async () => {
          const outcomes = await Promise.all(
            Array.from({ length: 200 }, () =>
              askToken(traffic.caller, world.seeds.web, {
                grant_type: 'refresh_token',
                refresh_token: 'R'.repeat(44),
              }),
            ),
          );
          return outcomes.filter(
            (outcome) => !isPolite503(outcome) && !(isAnswer(outcome) && outcome.status === 400),
          );
        };
        const open = await outage(rig, ledger, {
          begin: async () => {
            wire.fault({ blackHole: true });
            const startedAt = performance.now();
            const impolite = await burst();
            if (impolite.length > 0) ledger.violate('I4', JSON.stringify(impolite[0]));
            const took = performance.now() - startedAt;
            if (took > 6_000) ledger.violate('F7', `200 requests were told after ${Math.round(took)} ms`);
          },
          end: async () => wire.fault({}),
        });
        const grown = rss() - before;
        if (grown > 150) ledger.violate('F7', `memory grew by ${grown} MiB`);
        return `slow: ${slow} answered in 3 s; hung: ${hung}; half-open: ${open}; memory +${grown} MiB`;
      });
      return '';
    });
    if (!result) throw new Error('it did not run');
    return result;
  },
};

function memoryOf({ child }: Spawned): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'latin1');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

const f8: Drill = {
  id: 'F8',
  title: 'Redis full (maxmemory, noeviction)',
  async run({ world, redis }) {
    const ledger = openLedger();
    const caller = createCaller(world.balancer.port, world.host);
    const { web } = world.seeds;
    const agent = await signedInAgent(world);
    const redeem = async () => {
      const { createHash } = await import('node:crypto');
      const verifier = 'drill-verifier-0123456789-0123456789-0123456789';
      const url = new URL(authorizeUrl(world));
      url.searchParams.set('code_challenge', createHash('sha256').update(verifier).digest('base64url'));
      const answer = await authorize(agent, url.href, world.seeds.person);
      const form = { grant_type: 'authorization_code', redirect_uri: redirectUri, code_verifier: verifier };
      const outcome = await askToken(caller, web, { ...form, code: answer.searchParams.get('code') ?? '' });
      return jsonOf(outcome) as Record<'refresh_token' | 'access_token', string>;
    };
    const [one, two] = [await redeem(), await redeem()];
    const link = redis.connect();
    await link.config('SET', 'maxmemory', '1mb');
    const refresh = (token: string) =>
      askToken(caller, web, { grant_type: 'refresh_token', refresh_token: token });
    const write = await refresh(one.refresh_token);
    if (!isPolite503(write)) ledger.violate('I4', `a refresh: ${JSON.stringify(write).slice(0, 200)}`);
    const introspection = await caller.ask('/oauth2/introspect', {
      form: { token: two.access_token },
      headers: basic(web),
    });
    if (jsonOf(introspection).active !== true) ledger.violate('F8', 'introspection does not go on');
    const headers = { authorization: `Bearer ${two.access_token}` };
    const userinfo = await caller.ask('/oauth2/userinfo', { headers });
    if (!isAnswer(userinfo) || userinfo.status !== 200) ledger.violate('F8', 'userinfo does not go on');
    const revoked = await caller.ask('/oauth2/revoke', {
      form: { token: two.refresh_token },
      headers: basic(web),
    });
    if (isAnswer(revoked) && revoked.status === 200) ledger.revoked.add(two.refresh_token);
    else if (!isPolite503(revoked)) ledger.violate('I4', `a revocation: ${JSON.stringify(revoked)}`);
    await expectSteady(world, ledger);
    const evicted = Number(/evicted_keys:(\d+)/.exec(await link.info('stats'))?.[1]);
    if (evicted > 0) ledger.violate('I2', `${evicted} keys were evicted`);
    await link.config('SET', 'maxmemory', '0');
    link.disconnect();
    ledger.alive.add(one.refresh_token);
    await checkTokens(ledger, caller, world.seeds);
    caller.close();
    return {
      told: `write 503, introspection and userinfo 200, revocation ${isAnswer(revoked) ? revoked.status : 'cut'}, 0 evicted; afterwards the refused refresh works`,
      violations: ledger.violations,
    };
  },
};

const f26: Drill = {
  id: 'F26',
  title: 'poison: one damaged value, and an append-only file cut off in the middle',
  run: (rig) =>
    underTraffic(rig, async (_traffic, ledger) => {
      const { world, redis } = rig;
      const victim = await signedInAgent(world);
      const link = redis.connect();
      const before = new Set(await link.keys('*'));
      const fresh = await signedInAgent(world);
      const sessionId = fresh.cookies.find(({ name }) => name.includes('session') && !name.endsWith('.sig'));
      const tag = sessionId?.value.slice(1, 13) ?? '';
      const mine = (await link.keys(`*{${tag}}*`)).filter((key) => !before.has(key));
      if (tag === '' || mine.length === 0) throw new Error(`no key of this session: ${tag}`);
      for (const key of mine) if ((await link.type(key)) === 'hash') await link.hset(key, 'p', '{"broken');
      link.disconnect();
      const page = await fresh.follow(await fresh.get(authorizeUrl(world)));
      if (page.status >= 500) ledger.violate('F26', `the damaged session: ${page.status}`);
      const other = await victim.follow(await victim.get(authorizeUrl(world)));
      if (!other.location?.includes('code=')) ledger.violate('F26', `another session: ${other.status}`);

      const healed = await outage(rig, ledger, {
        begin: async () => {
          await redis.kill('SIGKILL');
          await writeByHalf(join(redis.directory, 'appendonlydir'));
        },
        end: () => redis.start(),
        lastsMs: 500,
      });
      const pids = world.processes.filter(({ child }) => child.exitCode === null).length;
      if (pids < 2) ledger.violate('I5', 'a server ended');
      return `damaged session: ${page.status}, sign-in again; other sessions silent; half a command at the end: ${healed}`;
    }),
};

/** What a crash in the middle of a write leaves at the end of the file: a command by half. */
async function writeByHalf(directory: string): Promise<void> {
  const names = readdirSync(directory).filter((file) => file.endsWith('.incr.aof'));
  const newest = names.sort((a, b) => Number(a.split('.')[2]) - Number(b.split('.')[2])).at(-1);
  if (!newest) throw new Error(`no append-only file in ${directory}`);
  await appendFile(join(directory, newest), '*3\r\n$3\r\nSET\r\n$7\r\nhal');
}

export const redisDrills: readonly Drill[] = [f4, f5, f7, f8, f26];
