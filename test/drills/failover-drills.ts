/** F6: the primary of Redis dies, and the replica that is promoted lacks its last writes. */
import { formTo } from '../harness/agent.ts';
import { createBrowser, redeemForm } from '../harness/codes.ts';
import { until } from '../harness/ports.ts';
import { durableRedis } from '../harness/redis.ts';
import { startRedis, type TestRedis } from '../harness/redis-server.ts';
import { basic } from '../harness/two.ts';
import { openLedger, settled } from './ledger.ts';
import { askToken, createCaller, isAnswer, isPolite503, jsonOf, type Outcome } from './load.ts';
import { openWire } from './proxy.ts';
import { type Drill, pause, ready } from './rig.ts';
import { authorizeUrl, signedInAgent } from './traffic.ts';
import { openWorld, ownDatabase, ownStores, type World } from './world.ts';

const MANY = 5;
const LOST_MS = 500;

const f6: Drill = {
  id: 'F6',
  title: 'Redis fails over, and the promoted replica lacks the last 500 ms',
  async run({ postgres }) {
    const primary = await startRedis(durableRedis);
    const heir = await startRedis([...durableRedis, '--replicaof', '127.0.0.1', String(primary.port)]);
    const spare = await startRedis([...durableRedis, '--replicaof', '127.0.0.1', String(heir.port)]);
    let master = primary;
    const wire = await openWire({ targets: () => [master.port] });
    let world: World | undefined;
    try {
      await replicas(primary);
      await replicas(heir);
      const database = await ownDatabase(postgres, 'drill_f6');
      world = await openWorld(ownStores(database, { url: `redis://127.0.0.1:${wire.port}` }), {
        processes: 2,
        environment: { CARDEA_REDIS_WAIT_REPLICAS: '1' },
      });
      return await failOver(world, heir, async () => {
        await primary.kill('SIGKILL');
        master = heir;
        wire.reset();
      });
    } finally {
      await world?.close();
      await wire.close();
      for (const one of [spare, heir, primary]) await one.close();
    }
  },
};

async function failOver(world: World, heir: TestRedis, switchOver: () => Promise<void>) {
  const ledger = openLedger();
  const { web, person } = world.seeds;
  const caller = createCaller(world.balancer.port, world.host);
  const browser = createBrowser(world.issuer, web, person);
  const ask = (form: Record<string, string>) => askToken(caller, web, form);
  const refresh = (token: string) => ask({ grant_type: 'refresh_token', refresh_token: token });
  const newCode = async () => redeemForm(await browser.code('openid offline_access'));
  const newToken = async () => String(jsonOf(await ask(await newCode())).refresh_token);
  const many = async <T>(make: () => Promise<T>) => {
    const made: T[] = [];
    while (made.length < MANY) made.push(await make());
    return made;
  };

  // Used just before, and told so: the heir has it, or nobody had been told.
  const usedCodes = await many(newCode);
  const rotated = await many(newToken);
  const lateCodes = await many(newCode);
  const lateTokens = await many(newToken);
  const revoked = await newToken();
  const leaver = await signedInAgent(world);
  for (const form of usedCodes) if (!won(await ask(form))) throw new Error('a code was not redeemed');
  const answers = new Map<string, string>();
  for (const token of rotated) answers.set(token, textOf(await refresh(token)));

  const link = heir.connect();
  await link.replicaof('NO', 'ONE');
  link.disconnect();
  const promotedAt = performance.now();

  // The primary does not know that nobody copies it any more.
  const confirm = formTo(await leaver.get('/oauth2/logout'), '/confirm');
  const left = await leaver.post(confirm.action, { ...confirm.fields, logout: 'yes' });
  const revocation = await caller.ask('/oauth2/revoke', { form: { token: revoked }, headers: basic(web) });
  const told: Outcome[] = [];
  const late = [
    ...lateCodes.map((form) => ({ form, outcome: ask(form) })),
    ...lateTokens.map((token) => ({ form: { token }, outcome: refresh(token) })),
  ];
  for (const { outcome } of late) told.push(await outcome);
  for (const outcome of told) {
    if (won(outcome)) ledger.violate('I1', 'a use was told that no replica had');
    else if (isAnswer(outcome) && !isPolite503(outcome)) ledger.violate('I4', textOf(outcome));
  }
  await pause(Math.max(0, LOST_MS - (performance.now() - promotedAt)));
  const unready = performance.now();
  await switchOver();
  await ready(world, 200);
  const healedMs = Math.round(performance.now() - unready);

  for (const form of usedCodes)
    if (won(await settled(() => ask(form)))) ledger.violate('I1', 'a code was redeemed a second time');
  for (const token of rotated)
    if (textOf(await settled(() => refresh(token))) !== answers.get(token))
      ledger.violate('I1', 'a refresh token got another answer than before');
  for (const form of lateCodes) {
    const wins = (await Promise.all([1, 2, 3].map(() => settled(() => ask(form))))).filter(won).length;
    if (wins > 1) ledger.violate('I1', `a code had ${wins} winners`);
  }
  for (const token of lateTokens)
    if (!won(await settled(() => refresh(token)))) ledger.violate('I2', 'a living family was lost');
  if (left.status < 400) {
    const page = await leaver.follow(await leaver.get(authorizeUrl(world)));
    if (!page.text.includes('/sign-in"')) ledger.violate('I3', 'who signed out is signed in again');
  }
  if (won(revocation) && won(await settled(() => refresh(revoked))))
    ledger.violate('I3', 'a revoked token lives again');
  caller.close();
  const polite = told.filter(isPolite503).length;
  return {
    told:
      `${MANY} codes and ${MANY} refresh tokens used before, ${told.length} uses in the lost half second ` +
      `(${polite} told 503), a sign-out (${left.status}) and a revocation; ready ${healedMs} ms after the switch`,
    violations: ledger.violations,
  };
}

async function replicas(of: TestRedis): Promise<void> {
  const link = of.connect();
  await until('a replica', async () => {
    if (!/state=online/.test(await link.info('replication'))) throw new Error('none yet');
  }).finally(() => link.disconnect());
}

const won = (outcome: Outcome) => isAnswer(outcome) && outcome.status === 200;
const textOf = (outcome: Outcome) => (isAnswer(outcome) ? outcome.text : outcome.broken);

export const failoverDrills: readonly Drill[] = [f6];
