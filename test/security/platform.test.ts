/** P4, P8, P9, P12, P13: the server as an operator meets it: its start, its log, its files, its keys. */
import { spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from '../../src/observability/log.ts';
import { authorizeQuery, openWorld, type World } from '../flows/world.ts';
import { createAgent, formTo } from '../harness/agent.ts';
import { seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import { freshStores, type Stores, startServer, type TestServer } from '../harness/server.ts';
import { askPort } from '../harness/two.ts';

const bin = fileURLToPath(new URL('../../bin/cardea.js', import.meta.url));
const shared = {
  DATABASE_URL: 'postgres://postgres@127.0.0.1:1/none',
  CARDEA_MASTER_KEY: Buffer.alloc(32, 'k3y ').toString('base64'),
  CARDEA_ISSUER: 'https://id.example.com',
};

describe('P13 a start with default or missing secrets', () => {
  test.each([
    ['no master key', { ...shared, CARDEA_MASTER_KEY: '' }, 'CARDEA_MASTER_KEY'],
    ['a short one', { ...shared, CARDEA_MASTER_KEY: 'changeme' }, 'CARDEA_MASTER_KEY'],
    ['zeros', { ...shared, CARDEA_MASTER_KEY: Buffer.alloc(32).toString('base64') }, 'CARDEA_MASTER_KEY'],
    ['one that repeats itself', shared, 'CARDEA_MASTER_KEY'],
    ['an issuer on http', { ...shared, CARDEA_ISSUER: 'http://id.example.com' }, 'CARDEA_ISSUER'],
    ['no issuer', { ...shared, CARDEA_ISSUER: '' }, 'CARDEA_ISSUER'],
    ['a setting nobody knows', { ...shared, CARDEA_DEV_INTERACTIONS: 'true' }, 'CARDEA_DEV_INTERACTIONS'],
  ])('%s: refused by name, nothing echoed', (_, environment, name) => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [bin, 'serve'], {
      env: { PATH: process.env.PATH ?? '', CARDEA_METRICS_PORT: 'off', ...environment },
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(status).not.toBe(0);
    expect(stderr + stdout).toContain(name);
    if (environment.CARDEA_MASTER_KEY) expect(stderr + stdout).not.toContain(environment.CARDEA_MASTER_KEY);
  });
});

describe('on a running server', () => {
  let stores: Stores;
  let server: TestServer;
  let lines: string[];

  beforeAll(async () => {
    lines = [];
    const stream = new Writable({
      write(chunk, _, done) {
        lines.push(...String(chunk).split('\n').filter(Boolean));
        done();
      },
    });
    stores = await freshStores('full');
    server = await startServer(stores, { log: createLog({ level: 'debug', pretty: false, stream }) });
  });
  afterAll(async () => {
    await server?.stop();
    await stores?.drop();
  });
  const ask = (path: string, headers: Record<string, string> = {}) =>
    askPort(server.settings.port, new URL(server.issuer).host, path, { headers });

  test('P4 whatever is sent, the log stays one JSON document a line, without control characters, and short', async () => {
    const jndi = ['$', '{jndi:ldap://evil}'].join('');
    const escaped = `\u001b[31m${jndi}`;
    await ask('/%0d%0a{"level":"error"}', {
      'user-agent': 'x'.repeat(15_000),
      referer: jndi,
    });
    await ask(
      `/oauth2/authorize?client_id=${encodeURIComponent(`a\r\nb${escaped}`)}&scope=${'s'.repeat(9_000)}`,
    );
    await ask(`/${'p'.repeat(12_000)}`);
    const agent = createAgent(server.issuer);
    const web = await seedWebClient(server.rooms);
    const form = formTo(await agent.follow(await agent.get(authorizeQuery(web))), '/sign-in');
    await agent.post(form.action, {
      ...form.fields,
      email: `a\r\n${escaped}@example.com`,
      password: escaped,
    });
    await agent.get(authorizeQuery(web, { redirect_uri: `https://evil.example/\r\n${escaped}` }));
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) {
      expect(() => JSON.parse(line)).not.toThrow();
      expect(line.length).toBeLessThan(10_000);
      expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    }
  });

  test('P3 no secret of a sign-in is in the log, at any level', async () => {
    const person = await seedPerson(server.rooms);
    const web = await seedWebClient(server.rooms, { firstParty: true });
    const agent = createAgent(server.issuer);
    const end = await signIn(agent, await agent.follow(await agent.get(authorizeQuery(web))), person);
    const code = new URL(String(end.location)).searchParams.get('code') ?? '';
    const all = lines.join('\n');
    const secrets = [person.password, code, web.secret, ...agent.cookies.map(({ value }) => value)];
    for (const secret of secrets.filter((value) => value.length > 10)) expect(all).not.toContain(secret);
  });

  test.each([
    '/.env',
    '/.git/config',
    '/package.json',
    '/src/main.ts',
    '/assets/../package.json',
    '/assets/..%2f..%2fpackage.json',
    '/assets/%2e%2e/%2e%2e/etc/passwd',
    '/assets/',
    '/assets/enhance.js.map',
    '/views/pages/front.eta',
    '/metrics',
    '/debug',
    '/health',
    '/health/ready/details',
    '/admin',
    '/server-status',
  ])('P8 %s: 404', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  test('P8 health says one word to anybody, and no more', async () => {
    for (const path of ['/health/live', '/health/ready']) {
      const { status, text } = await askPort(server.settings.port, 'any.example', path);
      expect([status, text]).toEqual([200, 'ok']);
    }
  });

  test('P9 JWKS and discovery: a thousand times, no request to a store, and 304 to who has them', async () => {
    const paths = [
      '/oauth2/jwks',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
    ];
    const first = await Promise.all(paths.map((path) => ask(path)));
    const trips = server.rooms.artifacts.tripCount();
    const statements = server.rooms.database.statementCount();
    const startedAt = performance.now();
    for (let round = 0; round < 34; round += 1) {
      await Promise.all(Array.from({ length: 30 }, (_, n) => ask(paths[n % 3] ?? '')));
    }
    expect(server.rooms.artifacts.tripCount()).toBe(trips);
    // The lease looks for changes twice a second, requests or not.
    const polls = Math.ceil((performance.now() - startedAt) / (server.settings.leaseMs / 2)) + 1;
    // Mail, logout notices and the families' index are looked after once a second.
    const beats = Math.ceil((performance.now() - startedAt) / 1000) + 1;
    const background = 2 * polls + 4 * beats;
    expect(background).toBeLessThan(200);
    expect(server.rooms.database.statementCount() - statements).toBeLessThanOrEqual(background);
    for (const [n, { status, headers }] of first.entries()) {
      expect(status).toBe(200);
      expect(headers['cache-control']).toMatch(/^public, max-age=\d+/);
      const again = await ask(paths[n] ?? '', { 'if-none-match': String(headers.etag) });
      expect([again.status, again.text]).toEqual([304, '']);
    }
  });

  test('P12 D11 private keys: sealed at rest, in no answer, in no list', async () => {
    const { db } = server.rooms.database;
    const { rows } = await sql<Record<string, unknown>>`select * from signing_keys`.execute(db);
    expect(rows.length).toBeGreaterThan(1);
    const secrets = await sql<Record<string, unknown>>`select * from instance_secrets`.execute(db);
    expect(JSON.stringify([rows, secrets.rows])).not.toMatch(/"(?:d|p|q|dp|dq|qi|k)":|BEGIN [A-Z ]*PRIVATE/);
    const { keys } = JSON.parse((await ask('/oauth2/jwks')).text) as { keys: Record<string, unknown>[] };
    for (const key of [...keys, ...server.rooms.keys.current().publicKeys]) {
      for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(name);
      expect(key.kty).not.toBe('oct');
    }
    expect(JSON.stringify(await server.rooms.keys.list())).not.toMatch(/"d":|sealed/i);
  });
});

test('P12 another master key opens nothing: the start says so and changes nothing', async () => {
  const world: World = await openWorld('full');
  const other = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64');
  await expect(
    startServer(
      { environment: environmentOf(world), drop: async () => undefined },
      { environment: { CARDEA_MASTER_KEY: other } },
    ),
  ).rejects.toThrow();
  expect((await world.ask('/health/ready')).status).toBe(200);
  await world.close();
});

function environmentOf(world: World): Record<string, string> {
  const { databaseUrl, redisUrl } = world.server.settings;
  return { DATABASE_URL: databaseUrl?.reveal() ?? '', REDIS_URL: redisUrl?.reveal() ?? '' };
}
