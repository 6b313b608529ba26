/** F18, F19: keys and passwords that change under load. */
import { randomBytes } from 'node:crypto';
import { createRemoteJWKSet, decodeProtectedHeader, type JWTVerifyGetKey, jwtVerify } from 'jose';
import pg from 'pg';
import { createBrowser, redeemForm } from '../harness/codes.ts';
import { until } from '../harness/ports.ts';
import { basic, type Spawned } from '../harness/two.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { askToken, clientCredentials, createCaller, isAnswer, jsonOf, keepGoing } from './load.ts';
import { openWire } from './proxy.ts';
import { type Drill, pause, type Result, type Rig, ready, underTraffic } from './rig.ts';
import { openWorld, ownDatabase, ownStores, type World } from './world.ts';

/** Seconds that clients keep a JWKS, and that a key is published before it signs. */
const CACHE = 2;

const f18: Drill = {
  id: 'F18',
  title: 'signing keys rotate under load while one of two servers is cut off, then in an emergency',
  async run({ postgres, redis }) {
    const database = await ownDatabase(postgres, 'drill_f18');
    const wire = await openWire({ targets: () => [Number(new URL(database.url).port)] });
    const cutUrl = new URL(database.url);
    cutUrl.port = String(wire.port);
    let away: Spawned | undefined;
    const world = await openWorld(ownStores(database, { url: `${redis.url}/7` }), {
      environment: {
        CARDEA_LIFETIME_JWKS_CACHE: `${CACHE}s`,
        CARDEA_LIFETIME_SIGNING_KEY_PUBLISH: `${CACHE}s`,
      },
      isInFront: (one) => one !== away,
    });
    try {
      const cut = await world.spawn([], { DATABASE_URL: cutUrl.href });
      return await rotateUnderLoad(world, {
        async cutOff() {
          wire.fault({ blackHole: true });
          await until('unready', async () => {
            if ((await cut.ask('/health/ready')).status !== 503) throw new Error('still ready');
          });
          away = cut;
          // Kept connections would go on to it.
          world.balancer.reset();
        },
        async heal() {
          wire.fault({});
          await ready(world, 200);
          away = undefined;
        },
      });
    } finally {
      await world.close();
      await wire.close();
    }
  },
};

async function rotateUnderLoad(
  world: World,
  { cutOff, heal }: { cutOff(): Promise<void>; heal(): Promise<void> },
): Promise<Result> {
  const ledger = openLedger();
  const { web, service, person } = world.seeds;
  const caller = createCaller(world.balancer.port, world.host);
  const browser = createBrowser(world.issuer, web, person);
  const kids = new Set<string>();
  let verified = 0;
  const verify = async (token: unknown, keys: JWTVerifyGetKey): Promise<void> => {
    const text = String(token);
    const { kid = '' } = decodeProtectedHeader(text);
    kids.add(kid);
    try {
      await jwtVerify(text, keys, { issuer: world.issuer });
      verified += 1;
    } catch (error) {
      // `fetch` was cut off; a client asks again.
      if (error instanceof TypeError) return verify(token, keys);
      ledger.violate('F18', `${kid}: ${String(error)}`);
    }
  };
  // As clients have it: fetched anew when older than it may be, and never because a kid is unknown.
  const stubborn = () =>
    createRemoteJWKSet(new URL(`${world.issuer}/oauth2/jwks`), {
      cacheMaxAge: CACHE * 1000,
      cooldownDuration: 3_600_000,
    });
  const clients = [stubborn(), stubborn(), stubborn()] as const;
  const redeem = async () =>
    jsonOf(await askToken(caller, web, redeemForm(await browser.code('openid orders:read'))));
  const hint = String((await redeem()).id_token);
  const load = keepGoing(3, async (loop) => {
    const outcome = await askToken(caller, service, clientCredentials);
    if (ledger.note(outcome, [200], 'client credentials') === 'answered')
      await verify(jsonOf(outcome).access_token, clients[loop] ?? clients[0]);
    await pause(10);
  });
  const newKey = async (what: string, before = kids.size) =>
    until(what, async () => {
      if (kids.size <= before) throw new Error('the old key signs');
    });

  await world.rooms.keys.rotate();
  await newKey('the first rotation');
  await cutOff();
  await world.rooms.keys.rotate();
  await newKey('the rotation while one is cut off');
  await heal();
  await load.stop();

  // Both know all of it, whoever signed.
  const [one, two] = world.processes;
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    const answer = await from?.ask('/oauth2/token', { form: clientCredentials, headers: basic(service) });
    const token = String(JSON.parse(answer?.text ?? '{}').access_token);
    const seen = await to?.ask('/oauth2/introspect', { form: { token }, headers: basic(service) });
    if (!seen?.text.includes('"active":true')) ledger.violate('F18', `a token of the other: ${seen?.text}`);
    const page = await to?.ask(`/oauth2/logout?${new URLSearchParams({ id_token_hint: hint })}`);
    if (page?.status !== 200) ledger.violate('F18', `an old hint: ${page?.status}`);
  }

  // The emergency: who looks for an unknown key at once sees no failure.
  const asking = createRemoteJWKSet(new URL(`${world.issuer}/oauth2/jwks`), { cooldownDuration: 0 });
  const before = kids.size;
  await world.rooms.keys.rotate({ now: true });
  const emergency = performance.now();
  await until('the emergency key', async () => {
    await verify(jsonOf(await askToken(caller, service, clientCredentials)).access_token, asking);
    if (kids.size === before) throw new Error('the old key signs');
  });
  const emergencyMs = Math.round(performance.now() - emergency);
  const { keys } = jsonOf(await caller.ask('/oauth2/jwks')) as { keys?: { kid: string }[] };
  const published = (keys ?? []).map(({ kid }) => kid);
  if (new Set(published).size !== published.length) ledger.violate('F18', 'a kid stands twice in the JWKS');
  caller.close();
  return {
    told:
      `3 rotations, ${kids.size} kids, ${verified} tokens verified by clients that cache for ${CACHE} s; ` +
      `emergency key after ${emergencyMs} ms; ${ledger.counts.unavailable} told 503; old hints taken by both`,
    violations: ledger.violations,
  };
}

const f19: Drill = {
  id: 'F19',
  title: 'passwords of both stores, the master key and a client secret change in rolling restarts',
  async run({ postgres, redis }) {
    const database = await ownDatabase(postgres, 'drill_f19');
    const stores = ownStores(database, { url: `${redis.url}/8` });
    const world = await openWorld(stores, { processes: 2 });
    try {
      const rig: Rig = { postgres, redis, world };
      return await underTraffic(rig, (_traffic, ledger) => changeSecrets(rig, ledger, stores.environment));
    } finally {
      await world.close();
    }
  },
};

async function changeSecrets(
  { world, redis, postgres }: Rig,
  ledger: Ledger,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const before = { ...ledger.counts };
  const roll = async (own: Record<string, string>) => {
    for (const one of [...world.processes]) {
      await world.spawn([], own);
      if ((await one.stop()) !== 0) ledger.violate('I5', 'it did not end in order');
    }
  };
  const admin = new pg.Client({ connectionString: postgres.url });
  admin.on('error', () => undefined);
  await admin.connect();
  const link = redis.connect();
  try {
    // Of each store a second login beside the first; the new master key is known to all before it seals.
    await admin.query('drop role if exists drill_next');
    await admin.query('create role drill_next login superuser');
    await link.call('ACL', 'SETUSER', 'drill', 'on', '>first', '~*', '&*', '+@all');
    const database = new URL(environment.DATABASE_URL ?? '');
    database.username = 'drill_next';
    const store = new URL(environment.REDIS_URL ?? '');
    store.username = 'drill';
    store.password = 'first';
    const old = environment.CARDEA_MASTER_KEY ?? '';
    const next = randomBytes(32).toString('base64');
    const own = { DATABASE_URL: database.href, CARDEA_MASTER_KEY: `${old},${next}` };
    await roll({ ...own, REDIS_URL: store.href });
    await link.call('ACL', 'SETUSER', 'drill', '>second');
    store.password = 'second';
    await roll({ ...own, REDIS_URL: store.href, CARDEA_MASTER_KEY: `${next},${old}` });
    await link.call('ACL', 'SETUSER', 'drill', '<first');

    const { service } = world.seeds;
    const actor = { kind: 'operator' } as const;
    const rotated = await world.rooms.clients.rotateSecret(service.clientId, {}, actor);
    const secret = rotated.kind === 'rotated' ? rotated.secret : '';
    const caller = createCaller(world.balancer.port, world.host);
    // The other processes know it within their lease; the old one works meanwhile and afterwards.
    await until('the new client secret', async () => {
      const asked = await askToken(caller, { ...service, secret }, clientCredentials);
      if (!isAnswer(asked) || asked.status !== 200) throw new Error(JSON.stringify(asked));
    });
    caller.close();
    await pause(500);
  } finally {
    link.disconnect();
    await admin.end();
  }
  const lost = ledger.counts.broken + ledger.counts.unavailable - before.broken - before.unavailable;
  if (lost > 0) ledger.violate('F19', `${lost} requests failed`);
  return '2 rolling restarts of 2 with other logins and another master key; a client goes on with its old secret';
}

export const rotationDrills: readonly Drill[] = [f18, f19];
