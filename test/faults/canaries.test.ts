/**
 * Issue "seen" 5, P3: dumps of Redis, of Postgres and of the embedded `db/`, logs and metrics hold no usable token, code,
 * secret, cookie or password of a run. What is looked for is taken from the wire. Ids of JWTs and of grants are
 * identifiers, open nothing and may stand in SQL; digests are meant to stand there, and are looked for as proof that
 * the search reads what it should.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/storage/database.ts';
import { type Canary, findCanaries, openTap, type Tap } from '../drills/canaries.ts';
import { askToken, clientCredentials, createCaller, jsonOf } from '../drills/load.ts';
import { openWorld, type World } from '../drills/world.ts';
import { createAgent, formTo } from '../harness/agent.ts';
import { redeemForm } from '../harness/codes.ts';
import { freePort } from '../harness/ports.ts';
import { runCommand } from '../harness/processes.ts';
import { authorize, redirectUri, seedClient } from '../harness/seed.ts';
import { freshStores, type Setup, type Stores, settingsOf } from '../harness/server.ts';
import { askPort, basic } from '../harness/two.ts';

const setups: readonly (readonly [Setup, string])[] = [
  ['full', 'on postgres and redis'],
  ['plain', 'on postgres'],
  ['embedded', 'on embedded'],
];
const wrongPassword = 'canary-wrong-passphrase-91';
const verifier = 'canary-verifier-0123456789-0123456789-0123456789';
const challenge = createHash('sha256').update(verifier).digest('base64url');

describe.each(setups)('%s: %s', (setup) => {
  let stores: Stores;
  let world: World;
  let tap: Tap;
  let metricsPort: number;
  let output = () => '';

  beforeAll(async () => {
    stores = await freshStores(setup);
    tap = openTap();
    metricsPort = await freePort();
    const environment = { CARDEA_LOG_LEVEL: 'debug', CARDEA_METRICS_PORT: String(metricsPort) };
    world = await openWorld(stores, { path: '/id', onBytes: tap.hear, environment });
    output = world.processes[0]?.output ?? output;
  }, 60_000);
  afterAll(async () => {
    await world?.close();
    await stores?.drop();
  });

  test('P3: nothing that a run handed out or took in can be found in what it leaves behind', async () => {
    const secrets: Canary[] = [];
    await useEverything(secrets);
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(metrics).toContain('cardea_');

    const canaries = [...tap.canaries(), ...secrets].filter(({ value }) => value.length >= 12);
    const kinds = new Set(canaries.map(({ kind }) => kind));
    const expected = ['cookie', 'code', 'token', 'form secret', 'password', 'client secret'];
    expect(expected.filter((kind) => !kinds.has(kind))).toEqual([]);
    expect(canaries.length).toBeGreaterThan(40);

    await world.processes[0]?.stop();
    const places = await whatIsLeft();
    places.set('metrics', Buffer.from(metrics));
    // The greeting at the start is where the setup link is handed out; the log is all else that is written.
    const log = output()
      .split('\n')
      .filter((line) => !line.includes('/setup/') || line.startsWith('{'))
      .join('\n');
    places.set('log', Buffer.from(log));

    const own = findCanaries([{ kind: 'planted', value: world.seeds.person.email }], places);
    expect(own.length).toBeGreaterThan(0);
    const digests = canaries.map(({ value }) => createHash('sha256').update(value).digest('base64url'));
    const stored = findCanaries(
      digests.map((value) => ({ kind: 'digest', value })),
      places,
    );
    expect(stored.length).toBeGreaterThan(5);
    console.log(
      `${setup}: ${canaries.length} secrets looked for in ${places.size} places, ` +
        `${[...places.values()].reduce((sum, { length }) => sum + length, 0)} bytes`,
    );
    expect(findCanaries(canaries, places)).toEqual([]);
  }, 90_000);

  /** Every flow there is, some done wrong. */
  async function useEverything(secrets: Canary[]): Promise<void> {
    const { issuer, host, seeds } = world;
    const { web, service, person } = seeds;
    secrets.push(
      { kind: 'client secret', value: web.secret },
      { kind: 'client secret', value: service.secret },
    );
    secrets.push({ kind: 'password', value: person.password }, { kind: 'password', value: wrongPassword });
    const raw = createCaller(world.balancer.port, host);
    const caller: typeof raw = { ...raw, ask: (path, o) => raw.ask(`/id${path}`, o) };
    const agent = createAgent(new URL(issuer).origin);
    const code = async (scope: string, more: Record<string, string> = {}) => {
      const query = new URLSearchParams({
        client_id: web.clientId,
        response_type: 'code',
        redirect_uri: redirectUri,
        scope,
        code_challenge: challenge,
        code_challenge_method: 'S256',
        ...more,
      });
      const answer = await authorize(agent, `${issuer}/oauth2/authorize?${query}`, person);
      return { code: answer.searchParams.get('code') ?? '', verifier };
    };
    const form = (token: unknown) => ({ token: String(token) });
    const both = async (token: unknown) => {
      await caller.ask('/oauth2/introspect', { form: form(token), headers: basic(web) });
      await caller.ask('/oauth2/revoke', { form: form(token), headers: basic(web) });
    };

    // A wrong password first, then the right one, the consent, a code.
    const stray = createAgent(new URL(issuer).origin);
    const start = await stray.follow(
      await stray.get(
        `${issuer}/oauth2/authorize?${new URLSearchParams({
          client_id: web.clientId,
          response_type: 'code',
          redirect_uri: redirectUri,
          scope: 'openid',
          code_challenge: challenge,
          code_challenge_method: 'S256',
        })}`,
      ),
    );
    const signInForm = formTo(start, '/sign-in');
    await stray.post(signInForm.action, {
      ...signInForm.fields,
      email: person.email,
      password: wrongPassword,
    });

    const used = await code('openid profile email offline_access');
    const first = jsonOf(await askToken(caller, web, redeemForm(used)));
    expect(first).toMatchObject({ refresh_token: expect.any(String), id_token: expect.any(String) });
    const bearer = { authorization: `Bearer ${String(first.access_token)}` };
    await caller.ask('/oauth2/userinfo', { headers: bearer });
    await caller.ask(`/oauth2/userinfo?access_token=${String(first.access_token)}`);
    const refreshing = { grant_type: 'refresh_token', refresh_token: String(first.refresh_token) };
    const second = jsonOf(await askToken(caller, web, refreshing));
    await askToken(caller, web, refreshing);
    await askToken(caller, web, { ...refreshing, refresh_token: String(second.refresh_token) });
    await askToken(caller, web, refreshing); // theft
    await askToken(caller, web, redeemForm(used));
    await both(first.refresh_token);
    await both(first.access_token);
    await caller.ask('/oauth2/userinfo', { headers: bearer });

    // An API's JWT; a live family that stays; silent and form_post answers.
    const api = jsonOf(
      await askToken(caller, web, redeemForm(await code('openid offline_access orders:read'))),
    );
    await both(api.access_token);
    await askToken(caller, web, redeemForm(await code('openid offline_access')));
    await code('openid', { prompt: 'none', id_token_hint: String(first.id_token) });
    await agent.get(
      `${issuer}/oauth2/authorize?${new URLSearchParams({
        client_id: web.clientId,
        response_type: 'code',
        response_mode: 'form_post',
        redirect_uri: redirectUri,
        scope: 'openid',
        code_challenge: challenge,
        code_challenge_method: 'S256',
      })}`,
    );

    // Services, by both methods; wrong secrets, secrets and tokens in the wrong places.
    await askToken(caller, service, clientCredentials);
    await caller.ask('/oauth2/token', {
      form: { ...clientCredentials, client_id: service.clientId, client_secret: service.secret },
    });
    await askToken(caller, { ...service, secret: 'canary-wrong-client-secret' }, clientCredentials);
    secrets.push({ kind: 'client secret', value: 'canary-wrong-client-secret' });
    await caller.ask(`/oauth2/token?client_secret=${service.secret}`, { form: clientCredentials });
    await askToken(caller, web, {
      ...redeemForm(await code('openid')),
      redirect_uri: String(second.refresh_token),
    });
    await askToken(caller, web, {
      grant_type: String(second.refresh_token),
      scope: String(second.refresh_token),
    });
    await agent.get(
      `${issuer}/oauth2/authorize?client_id=${encodeURIComponent(String(second.refresh_token))}`,
    );
    await caller.ask(`/nothing?code=${used.code}`);

    if (setup === 'embedded') await setUp(secrets);
    else {
      const made = await seedClient(world.rooms, { name: 'More', type: 'service' });
      secrets.push({ kind: 'client secret', value: made.secret });
    }

    // The end: sign-out at the client's wish.
    const page = await agent.get(
      `${issuer}/oauth2/logout?${new URLSearchParams({ id_token_hint: String(first.id_token) })}`,
    );
    expect(page.status).toBe(200);
    const confirm = formTo(page, '/logout/confirm');
    await agent.follow(await agent.post(confirm.action, { ...confirm.fields, logout: 'yes' }));
    for (const { value } of agent.cookies) secrets.push({ kind: 'cookie', value });
    raw.close();
  }

  /** The first administrator by the one-time link; and a look at it by a wrong Host. */
  async function setUp(secrets: Canary[]): Promise<void> {
    const link = /\S+\/setup\/([A-Za-z0-9_-]{43})/.exec(output());
    const [url = '', token = ''] = link ?? [];
    secrets.push({ kind: 'setup token', value: token });
    const { port } = world.balancer;
    expect((await askPort(port, `127.0.0.1:${port}`, new URL(url).pathname)).status).toBe(421);
    const administrator = createAgent(new URL(world.issuer).origin);
    const setup = formTo(await administrator.get(url), `/setup/${token}`);
    const done = await administrator.post(setup.action, {
      ...setup.fields,
      email: 'root@example.com',
      name: 'Root',
      password: 'canary-administrator-passphrase',
    });
    expect(done.status).toBe(303);
    const env = { ...stores.environment, CARDEA_ISSUER: world.issuer };
    const made = await runCommand({
      args: ['user', 'create', '--email', 'x@example.com', '--password-stdin'],
      env,
      input: 'canary-command-passphrase\n',
    });
    expect(made.code).toBe(0);
    secrets.push({ kind: 'password', value: 'canary-command-passphrase' });
    const client = await runCommand({
      args: ['client', 'create', '--name', 'W', '--type', 'service', '--json'],
      env,
    });
    secrets.push({ kind: 'client secret', value: String(JSON.parse(client.stdout).client_secret ?? '') });
  }

  async function whatIsLeft(): Promise<Map<string, Buffer>> {
    const places = new Map<string, Buffer>();
    const { REDIS_URL: redisUrl, CARDEA_DATA_DIR: dataDir } = stores.environment;
    if (redisUrl) places.set('Redis', await dumpRedis(redisUrl));
    if (dataDir) {
      for (const name of readdirSync(join(dataDir, 'db'), { recursive: true, withFileTypes: true })) {
        if (!name.isFile()) continue;
        const path = join(name.parentPath, name.name);
        places.set(path.slice(dataDir.length + 1), readFileSync(path));
      }
    }
    places.set('SQL', await dumpSql());
    return places;
  }

  /** Every row of every table as JSON: what a compressed or toasted page could hide from a search by bytes. */
  async function dumpSql(): Promise<Buffer> {
    const settings = settingsOf({ ...stores.environment, CARDEA_ISSUER: world.issuer });
    const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
    const database = await openDatabase({ settings, log });
    try {
      const tables = await sql<{ name: string }>`
        select quote_ident(table_name) as name from information_schema.tables
        where table_schema = 'public'`.execute(database.db);
      expect(tables.rows.length).toBeGreaterThan(15);
      const rows: string[] = [];
      for (const { name } of tables.rows) {
        const found = await sql<{
          row: string;
        }>`select to_jsonb(t)::text as row from ${sql.raw(name)} t`.execute(database.db);
        rows.push(...found.rows.map(({ row }) => `${name} ${row}`));
      }
      expect(rows.length).toBeGreaterThan(50);
      return Buffer.from(rows.join('\n'));
    } finally {
      await database.close();
    }
  }
});

/** Every key and value, whatever its type. */
async function dumpRedis(url: string): Promise<Buffer> {
  const redis = new Redis(url);
  try {
    const parts: string[] = [];
    for await (const keys of redis.scanStream({ count: 500 })) {
      for (const key of keys as string[]) {
        const type = await redis.type(key);
        parts.push(`${key} ${JSON.stringify(await readKey(redis, key, type))}`);
      }
    }
    expect(parts.length).toBeGreaterThan(10);
    return Buffer.from(parts.join('\n'));
  } finally {
    redis.disconnect();
  }
}

async function readKey(redis: Redis, key: string, type: string): Promise<unknown> {
  if (type === 'string') return redis.get(key);
  if (type === 'hash') return redis.hgetall(key);
  if (type === 'set') return redis.smembers(key);
  if (type === 'zset') return redis.zrange(key, '0', '-1');
  if (type === 'list') return redis.lrange(key, 0, -1);
  throw new Error(`${key} is a ${type}: teach this test to read it`);
}
