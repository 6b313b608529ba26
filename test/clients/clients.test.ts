import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAudit } from '../../src/audit/audit.ts';
import type { Actor } from '../../src/audit/catalogue.ts';
import { type ClientsOptions, createClients } from '../../src/clients/clients.ts';
import { createClientDirectory } from '../../src/clients/directory.ts';
import { mayAskFor, scopesOf } from '../../src/clients/resource-access.ts';
import { createResourceServers } from '../../src/clients/resource-servers.ts';
import { defaultLifetimes } from '../../src/config/lifetimes.ts';
import { createLease } from '../../src/storage/changes.ts';
import type { OpenDatabase } from '../../src/storage/database.ts';
import { loadEnds } from '../../src/storage/ended-access.ts';
import { databases, quiet, standingClock, type TestDatabase } from './databases.ts';

const operator: Actor = { kind: 'operator' };
const redirectUris = ['https://rp.example.com/cb'];

/** One process's rooms over one database. */
function rooms(
  { db }: OpenDatabase,
  clock: ReturnType<typeof standingClock>,
  more: Partial<ClientsOptions> = {},
) {
  const audit = createAudit({ db, clock, log: quiet });
  const lease = createLease({ db, clock, leaseMs: 1_000, log: quiet });
  return {
    audit,
    lease,
    clients: createClients({ db, clock, audit, lifetimes: defaultLifetimes, ...more }),
    directory: createClientDirectory({ db, clock, lease, log: quiet }),
    servers: createResourceServers({ db, clock, audit, lease }),
  };
}

describe.each(databases)('clients on $name', ({ open }) => {
  let database: TestDatabase;
  const clock = standingClock();
  let our: ReturnType<typeof rooms>;

  beforeAll(async () => {
    database = await open();
    our = rooms(database, clock);
  });
  afterAll(() => database.close());

  async function create(clientId: string, more: object = {}) {
    const input = { clientId, name: clientId, type: 'web' as const, redirectUris, ...more };
    const created = await our.clients.create(input, operator);
    if (created.kind !== 'created') throw new Error(JSON.stringify(created));
    return created;
  }

  it('gives a secret once and keeps a digest', async () => {
    const { client, secret = '' } = await create('web-1');
    expect(client).toMatchObject({
      clientId: 'web-1',
      status: 'active',
      secretsVersion: 1,
      createdAt: clock.now(),
    });
    expect(Object.isFrozen(client.redirectUris)).toBe(true);
    const { rows } = await sql<{ line: string }>`
      select t::text as line from client_secrets t union all select t::text from clients t
      union all select t::text from audit_events t`.execute(database.db);
    expect(JSON.stringify(rows)).not.toContain(secret.slice('cardea_secret_'.length));
    expect((await create('spa-1', { type: 'spa' })).secret).toBeUndefined();
    expect(await our.clients.create({ clientId: 'web-1', name: 'again', type: 'device' }, operator)).toEqual({
      kind: 'exists',
    });
    expect(await our.clients.get('web-1')).toEqual(client);
    await expect(our.clients.get('nobody')).rejects.toThrow(/nobody/);
  });

  it('stores nothing, and audits nothing, of what is refused', async () => {
    const refused = await our.clients.create(
      { clientId: 'bad', name: 'x', type: 'web', redirectUris: ['javascript:x'] },
      operator,
    );
    expect(refused.kind).toBe('faults');
    expect(await our.clients.find('bad')).toBeUndefined();
    expect((await our.audit.search({ clientId: 'bad' })).events).toEqual([]);
  });

  it('updates what is given, takes null back to the default, and keeps id and type', async () => {
    await create('web-2', { scopes: ['openid'], logoUri: 'https://rp.example.com/logo.png' });
    const updated = await our.clients.update(
      'web-2',
      { name: 'Renamed', scopes: null, logoUri: null },
      operator,
    );
    expect(updated).toMatchObject({ kind: 'updated', client: { name: 'Renamed', scopes: [], redirectUris } });
    expect(updated.kind === 'updated' && updated.client.logoUri).toBeUndefined();
    expect(await our.clients.update('web-2', { type: 'spa', authMethod: 'none' }, operator)).toMatchObject({
      kind: 'faults',
      faults: [{ field: 'type' }],
    });
    expect(await our.clients.update('nobody', { name: 'x' }, operator)).toEqual({ kind: 'absent' });
    const { events } = await our.audit.search({ clientId: 'web-2' });
    expect(events.map((event) => event.type)).toEqual(['client.updated', 'client.created']);
  });

  it('rotates with an overlap, keeps several secrets, and notes their use', async () => {
    const first = (await create('web-3')).secret ?? '';
    const rotated = await our.clients.rotateSecret('web-3', { overlapSeconds: 600 }, operator);
    if (rotated.kind !== 'rotated') throw new Error(rotated.kind);
    await our.lease.renew();
    const client = await our.directory.find('web-3');
    expect(our.directory.verifySecret(client, first)).toBe(true);
    expect(our.directory.verifySecret(client, rotated.secret)).toBe(true);
    expect(our.directory.verifySecret(client, `${first}x`)).toBe(false);
    expect(our.directory.verifySecret(await our.directory.find('web-1'), first)).toBe(false);
    expect(our.directory.verifySecret(undefined, first)).toBe(false);
    clock.advance(600);
    expect(our.directory.verifySecret(client, first)).toBe(false);
    expect(our.directory.verifySecret(client, rotated.secret)).toBe(true);
    await our.directory.flush();
    const [newest, oldest] = await our.clients.listSecrets('web-3');
    expect(newest).toMatchObject({ secretId: rotated.secretId, lastUsedAt: clock.now() });
    expect(oldest).toMatchObject({ expiresAt: clock.now(), lastUsedAt: clock.now() - 600_000 });
    expect(await our.clients.deleteExpiredSecrets()).toBe(1);
    for (let n = 0; n < 7; n++) await our.clients.rotateSecret('web-3', {}, operator);
    expect(await our.clients.listSecrets('web-3')).toHaveLength(5);
    expect(await our.clients.rotateSecret('spa-1', {}, operator)).toEqual({ kind: 'no-secret' });
    expect(await our.clients.rotateSecret('nobody', {}, operator)).toEqual({ kind: 'absent' });
  });

  it('ends access when it disables or deletes, and the directory forgets', async () => {
    await create('web-4');
    expect(await our.directory.find('web-4')).toBeDefined();
    expect(our.directory.endedBefore('web-4')).toBe(0);
    expect(await our.clients.disable('web-4', operator)).toBe(true);
    expect(await our.clients.disable('web-4', operator)).toBe(false);
    await our.lease.renew();
    expect(await our.directory.find('web-4')).toBeUndefined();
    expect(await our.directory.findAny('web-4')).toMatchObject({ status: 'disabled' });
    expect(our.directory.endedBefore('web-4')).toBe(clock.now());
    await our.clients.enable('web-4', operator);
    await our.lease.renew();
    expect(await our.directory.find('web-4')).toBeDefined();
    clock.advance(10);
    expect(await our.clients.delete('web-4', operator)).toBe(true);
    expect(await our.clients.delete('web-4', operator)).toBe(false);
    await our.lease.renew();
    expect(await our.directory.findAny('web-4')).toBeUndefined();
    expect((await loadEnds(database.db, { clientId: 'web-4' })).allBefore).toBe(clock.now());
    expect(await our.clients.listSecrets('web-4')).toEqual([]);
  });

  it('asks the database nothing for warm clients, nor for what cannot be a client id', async () => {
    await create('web-5');
    await our.directory.find('web-5');
    await our.directory.find('missing');
    const before = database.statementCount();
    for (let n = 0; n < 1_000; n++) {
      await our.directory.find('web-5');
      await our.directory.find('missing');
      await our.directory.find('../../etc\u0000');
    }
    expect(database.statementCount()).toBe(before);
  });

  it('lists by pages', async () => {
    const all: string[] = [];
    let after: string | undefined;
    do {
      const page = await our.clients.list({ after, limit: 2 });
      all.push(...page.clients.map((client) => client.clientId));
      after = page.next;
    } while (after !== undefined);
    expect(all).toEqual([...new Set(all)].toSorted());
    expect(all).toContain('web-5');
  });

  it('registers resource servers, says which owns a scope, and what a client may ask of them', async () => {
    const audience = 'https://orders.example.com';
    const input = {
      audience,
      name: 'Orders',
      scopes: ['orders:read', { name: 'orders:write', description: 'Change orders' }],
    };
    const { warnings } = await create('svc-1', {
      type: 'service',
      redirectUris: [],
      resources: [audience],
      scopes: ['orders:read', 'nope'],
    });
    expect(warnings).toHaveLength(3);
    expect(await our.servers.create({ ...input, introspectionClientId: 'svc-1' }, operator)).toMatchObject({
      kind: 'created',
    });
    expect(await our.servers.create(input, operator)).toEqual({ kind: 'exists' });
    await our.servers.create(
      { audience: 'urn:example:billing', name: 'Billing', scopes: ['orders:read'], tokenFormat: 'opaque' },
      operator,
    );
    await our.lease.renew();
    const orders = await our.servers.byAudience(audience);
    expect(orders).toMatchObject({ tokenFormat: 'jwt', signingAlg: 'ES256', introspectionClientId: 'svc-1' });
    expect((await our.servers.owningScope('orders:read')).map((s) => s.audience)).toEqual([
      audience,
      'urn:example:billing',
    ]);
    expect((await our.servers.introspectedBy('svc-1')).map((s) => s.audience)).toEqual([audience]);
    expect((await our.servers.all()).map((s) => s.audience)).toContain('cardea');
    if (!orders) throw new Error('absent');
    const service = { type: 'service', scopes: [], resources: [] } as const;
    expect(mayAskFor(service, orders)).toBe(false);
    expect(scopesOf({ ...service, scopes: ['orders:read'] }, orders)).toEqual(['orders:read']);
    expect(scopesOf({ ...service, resources: [audience] }, orders)).toEqual(['orders:read', 'orders:write']);
    expect(mayAskFor({ ...service, type: 'web' }, orders)).toBe(true);
    expect(mayAskFor({ ...service, type: 'web', scopes: ['openid'] }, orders)).toBe(false);
    const cardea = await our.servers.byAudience('cardea');
    if (!cardea) throw new Error('absent');
    expect(mayAskFor({ ...service, type: 'web' }, cardea)).toBe(false);
    const before = database.statementCount();
    await our.servers.owningScope('orders:write');
    expect(database.statementCount()).toBe(before);
    await our.clients.delete('svc-1', operator);
    await our.lease.renew();
    expect((await our.servers.byAudience(audience))?.introspectionClientId).toBeUndefined();
    expect(
      await our.servers.update(audience, { name: 'Orders API', accessTokenTtlSeconds: 60 }, operator),
    ).toMatchObject({
      kind: 'updated',
      server: { name: 'Orders API', scopes: [{ name: 'orders:read' }, { name: 'orders:write' }] },
    });
    expect(await our.servers.delete('cardea', operator)).toBe('kept');
    expect(await our.servers.delete(audience, operator)).toBe('deleted');
    await our.lease.renew();
    expect(await our.servers.byAudience(audience)).toBeUndefined();
  });

  it.each([
    ['a bare name', { audience: 'orders' }, /absolute URI/],
    ['a fragment', { audience: 'https://a.example/#x' }, /fragment/],
    ['an OIDC scope', { scopes: ['openid'] }, /OpenID Connect/],
    ['a scope twice', { scopes: ['a', 'a'] }, /twice/],
    ['a scope with a space', { scopes: ['a b'] }, /not a scope/],
    ['two days', { accessTokenTtlSeconds: 172_800 }, /30 to 86400/],
    ['a strange format', { tokenFormat: 'paseto' }, /tokenFormat|must be one of/],
    ['an unknown client', { introspectionClientId: 'nobody' }, /no registered client/],
    ['an unknown member', { owner: 'x' }, /not a member/],
  ])('refuses a resource server with %s', async (_row, wrong, fault) => {
    const input = { audience: 'https://a.example', name: 'A', ...wrong } as Parameters<
      typeof our.servers.create
    >[0];
    const refused = await our.servers.create(input, operator);
    expect(JSON.stringify(refused)).toMatch(fault);
  });

  it('asks for the key of an algorithm before a client needs it', async () => {
    const asked: string[] = [];
    const ensureAlgorithm = async (alg: string) => void asked.push(alg);
    const { clients } = rooms(database, clock, { ensureAlgorithm });
    await clients.create(
      { clientId: 'ed', name: 'Ed', type: 'spa', redirectUris, idTokenAlg: 'EdDSA' },
      operator,
    );
    await clients.update('ed', { idTokenAlg: 'PS256' }, operator);
    expect(asked).toEqual(['EdDSA', 'PS256']);
  });
});

describe('clients in two processes', () => {
  it('a change in one acts in the other within the lease', async () => {
    const [, postgres] = databases;
    const database = await postgres.open();
    try {
      const clock = standingClock();
      const one = rooms(database, clock);
      const two = rooms(await database.another(), clock);
      const created = await one.clients.create(
        { clientId: 'a', name: 'A', type: 'web', redirectUris },
        operator,
      );
      const secret = created.kind === 'created' ? (created.secret ?? '') : '';
      expect(two.directory.verifySecret(await two.directory.find('a'), secret)).toBe(true);
      await one.clients.rotateSecret('a', { overlapSeconds: 0 }, operator);
      clock.advance(1);
      expect(two.directory.verifySecret(await two.directory.find('a'), secret)).toBe(false);
      await one.clients.delete('a', operator);
      clock.advance(1);
      expect(await two.directory.find('a')).toBeUndefined();
    } finally {
      await database.close();
    }
  });

  it('two updates at once both hold', async () => {
    const [, postgres] = databases;
    const database = await postgres.open();
    try {
      const { clients } = rooms(database, standingClock());
      await clients.create({ clientId: 'a', name: 'A', type: 'web', redirectUris }, operator);
      await Promise.all([
        clients.update('a', { name: 'B' }, operator),
        clients.update('a', { scopes: ['openid'] }, operator),
        clients.rotateSecret('a', {}, operator),
        clients.rotateSecret('a', {}, operator),
      ]);
      expect(await clients.get('a')).toMatchObject({ name: 'B', scopes: ['openid'], secretsVersion: 3 });
      expect(
        (await clients.listSecrets('a')).filter((secret) => secret.expiresAt === undefined),
      ).toHaveLength(1);
    } finally {
      await database.close();
    }
  });
});
