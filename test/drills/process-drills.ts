/** Drills that end processes, and deliveries that come twice: F1, F2, F3, F27. */
import { once } from 'node:events';
import { sql } from 'kysely';
import { type Agent, createAgent, formTo } from '../harness/agent.ts';
import { redeemForm } from '../harness/codes.ts';
import { seedWebClient } from '../harness/seed.ts';
import { basic } from '../harness/two.ts';
import { openLedger, settled } from './ledger.ts';
import { askToken, createCaller, isAnswer, jsonOf } from './load.ts';
import { type Drill, pause, ready, underTraffic } from './rig.ts';
import { authorizeUrl, signedInAgent } from './traffic.ts';
import type { World } from './world.ts';

const KILLS = 12;
const RESTARTS = 3;
const mortal = ['--import', new URL('./die-on-request.ts', import.meta.url).href];

const f1: Drill = {
  id: 'F1',
  title: 'kill -9 of one of two servers under load, at random instants',
  run: (rig) =>
    underTraffic(rig, async () => {
      const { world } = rig;
      for (let kill = 0; kill < KILLS; kill += 1) {
        await pause(Math.random() * 400);
        const place = Math.floor(Math.random() * world.processes.length);
        await world.processes[place]?.kill();
        await world.spawn();
      }
      return `${KILLS} kills`;
    }),
};

const f2: Drill = {
  id: 'F2',
  title: 'rolling restarts by TERM under load: no request fails',
  run: (rig) =>
    underTraffic(rig, async (_traffic, ledger) => {
      const { world } = rig;
      const before = { ...ledger.counts };
      for (let restart = 0; restart < RESTARTS; restart += 1) {
        for (const one of [...world.processes]) {
          await world.spawn();
          const code = await one.stop();
          if (code !== 0) ledger.violate('I5', `exit code ${code} after TERM`);
        }
      }
      const lost = ledger.counts.broken + ledger.counts.unavailable - before.broken - before.unavailable;
      if (lost > 0) ledger.violate('F2', `${lost} requests failed`);
      return `${RESTARTS} rolling restarts of 2`;
    }),
};

const f3: Drill = {
  id: 'F3',
  title: 'kill -9 between "consumed" and "sent"',
  async run({ world }) {
    const ledger = openLedger();
    const caller = createCaller(world.balancer.port, world.host, { connections: 1 });
    const { web } = world.seeds;
    const agent = await signedInAgent(world);
    let rescued = 0;
    for (const what of ['code', 'refresh', 'code', 'refresh', 'refresh']) {
      const victim = await world.spawn(mortal);
      const gone = once(victim.child, 'exit');
      const redeemed = jsonOf(await settled(async () => askToken(caller, web, await codeForm(agent, world))));
      const form =
        what === 'code'
          ? await codeForm(agent, world)
          : { grant_type: 'refresh_token', refresh_token: String(redeemed.refresh_token) };
      const headers = { ...basic(web), 'x-drill': 'die-before-answer' };
      await victim.ask('/oauth2/token', { form, headers }).catch(() => undefined);
      await gone;
      const retry = await settled(() => askToken(caller, web, form));
      const expected = what === 'code' ? 400 : 200;
      if (!isAnswer(retry) || retry.status !== expected)
        ledger.violate(
          what === 'code' ? 'I1' : 'I2',
          `retry of a ${what}: ${JSON.stringify(retry).slice(0, 300)}`,
        );
      else rescued += 1;
      // The browser is not asked anything: its session and consent are there.
      await codeForm(agent, world).catch((error: unknown) => ledger.violate('I2', String(error)));
    }
    caller.close();
    return {
      told: `2 codes, 3 refreshes cut off by the kill; ${rescued} of 5 retries as they should; no sign-in asked`,
      violations: ledger.violations,
    };
  },
};

export async function codeForm(agent: Agent, world: World): Promise<Record<string, string>> {
  const verifier = 'drill-verifier-0123456789-0123456789-0123456789';
  const url = new URL(authorizeUrl(world));
  const { createHash } = await import('node:crypto');
  url.searchParams.set('code_challenge', createHash('sha256').update(verifier).digest('base64url'));
  const page = await agent.follow(await agent.get(url.href));
  const code = page.location && new URL(page.location).searchParams.get('code');
  if (!code) throw new Error(`no code: ${page.status} ${page.url}`);
  return redeemForm({ code, verifier });
}

const f27: Drill = {
  id: 'F27',
  title: 'duplicate delivery: token requests, double-clicked sign-in and consent',
  async run({ world }) {
    const ledger = openLedger();
    const { web, person } = world.seeds;
    const caller = createCaller(world.balancer.port, world.host);
    const agent = await signedInAgent(world);
    await ready(world, 200);
    for (let round = 0; round < 20; round += 1) {
      const form = await codeForm(agent, world);
      const codes = await Promise.all([1, 2, 3].map(() => askToken(caller, web, form)));
      const wins = codes.filter((outcome) => isAnswer(outcome) && outcome.status === 200).length;
      if (wins > 1) ledger.violate('I1', `a code had ${wins} winners`);
      const first = jsonOf(await askToken(caller, web, await codeForm(agent, world)));
      const refreshing = { grant_type: 'refresh_token', refresh_token: String(first.refresh_token) };
      const twice = await Promise.all([1, 2, 3].map(() => askToken(caller, web, refreshing)));
      const texts = new Set(twice.map((outcome) => (isAnswer(outcome) ? outcome.text : outcome.broken)));
      if (texts.size !== 1 || twice.some((outcome) => !isAnswer(outcome) || outcome.status !== 200))
        ledger.violate('I1', `one refresh delivered three times: ${[...texts].join(' | ').slice(0, 300)}`);
    }
    let clicks = 0;
    for (let round = 0; round < 5; round += 1) {
      const fresh = createAgent(world.issuer);
      const page = await fresh.follow(await fresh.get(authorizeUrl(world)));
      const form = formTo(page, '/sign-in');
      const fields = { ...form.fields, email: person.email, password: person.password };
      const [one, two] = await Promise.all([
        fresh.post(form.action, fields),
        fresh.post(form.action, fields),
      ]);
      for (const answer of [one, two]) {
        clicks += 1;
        if (answer.status >= 500) ledger.violate('F27', `double-clicked sign-in: ${answer.status}`);
      }
      const done = await fresh.follow(one.status === 303 ? one : two);
      if (!done.location?.includes('code='))
        ledger.violate('F27', `after a double click: ${done.status} ${done.url}`);
    }
    for (let round = 0; round < 5; round += 1) {
      // A client of its own, to which this person has consented to nothing yet.
      const client = await seedWebClient(world.rooms);
      const url = new URL(authorizeUrl(world));
      url.searchParams.set('client_id', client.clientId);
      const page = await agent.follow(await agent.get(url.href));
      const form = formTo(page, '/consent');
      const both = await Promise.all([1, 2].map(() => agent.post(form.action, { ...form.fields })));
      for (const { status } of both) {
        clicks += 1;
        if (status >= 500) ledger.violate('F27', `double-clicked consent: ${status}`);
      }
      const done = await agent.follow(both.find(({ status }) => status === 303) ?? page);
      if (!done.location?.includes('code='))
        ledger.violate('F27', `after a double-clicked consent: ${done.status} ${done.url}`);
      const { rows } = await sql<{ n: number }>`
        select count(*) as n from audit_events
        where client_id = ${client.clientId} and type = 'consent.granted'`.execute(world.rooms.database.db);
      if (Number(rows[0]?.n) > 2) ledger.violate('I1', `${rows[0]?.n} consents for one page`);
    }
    caller.close();
    return { told: `20 codes × 3, 20 refreshes × 3, ${clicks} double clicks`, violations: ledger.violations };
  },
};

export const processDrills: readonly Drill[] = [f1, f2, f3, f27];
