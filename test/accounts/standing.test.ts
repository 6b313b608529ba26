import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databases, type TestDatabase } from '../clients/databases.ts';
import { type AccountRooms, auditedOf, makeAccount, openAccounts, operator } from './rooms.ts';

describe.each(databases)('roles, standings and consents on $name', ({ open }) => {
  let database: TestDatabase;
  let rooms: AccountRooms;
  beforeAll(async () => {
    database = await open();
    rooms = openAccounts(database);
    for (const [audience, name, permissions] of [
      ['https://orders', 'clerk', ['orders:read', 'orders:write', 'orders:read']],
      ['https://orders', 'auditor', ['orders:read', 'orders:export']],
      ['https://stock', 'clerk', ['stock:read']],
    ] as const) {
      const made = await rooms.roles.create({ audience, name, permissions }, operator);
      expect(made.kind).toBe('created');
    }
  });
  afterAll(async () => {
    await rooms.close();
    await database.close();
  });

  it('seeds the administrator of Cardea itself, who stays', async () => {
    expect(await rooms.roles.list('cardea')).toMatchObject([{ name: 'administrator' }]);
    expect(await rooms.roles.delete({ audience: 'cardea', role: 'administrator' }, operator)).toBe(false);
  });

  it('refuses roles that tokens or people could not carry', async () => {
    const { roles } = rooms;
    expect(await roles.create({ audience: 'https://orders', name: 'clerk' }, operator)).toEqual({
      kind: 'taken',
    });
    for (const wrong of [
      { audience: 'https://orders', name: '' },
      { audience: 'https://orders', name: 'a b' },
      { audience: 'a b', name: 'x' },
      { audience: 'https://orders', name: 'x', permissions: ['a b'] },
      { audience: 'https://orders', name: 'x', permissions: ['"'] },
      { audience: 'https://orders', name: 'x', permissions: Array.from({ length: 101 }, (_, i) => `p${i}`) },
      { audience: 'https://orders', name: 'x', description: 'two\nlines' },
    ]) {
      expect((await roles.create(wrong, operator)).kind).toBe('faults');
    }
  });

  it('shows roles and permissions of one audience only, and follows changes once the lease is renewed', async () => {
    const { roles, standings, lease } = rooms;
    const { id } = await makeAccount(rooms, 'holder@example.com');
    expect((await standings.get(id))?.audiences).toEqual([]);

    await roles.grant(id, { role: 'clerk', audience: 'https://orders' }, operator);
    await roles.grant(id, { role: 'auditor' }, operator);
    await lease.renew();
    const standing = await standings.get(id);
    expect(standing?.audiences).toEqual(['https://orders']);
    expect(standing?.access('https://orders')).toEqual({
      roles: ['auditor', 'clerk'],
      permissions: ['orders:export', 'orders:read', 'orders:write'],
    });
    expect(standing?.access('https://stock')).toEqual({ roles: [], permissions: [] });
    expect(standing?.access('cardea')).toEqual({ roles: [], permissions: [] });

    await roles.setPermissions({ audience: 'https://orders', role: 'clerk' }, ['orders:list'], operator);
    await roles.revoke(id, { role: 'auditor' }, operator);
    await lease.renew();
    expect((await standings.get(id))?.access('https://orders')).toEqual({
      roles: ['clerk'],
      permissions: ['orders:list'],
    });

    await roles.delete({ audience: 'https://orders', role: 'clerk' }, operator);
    await lease.renew();
    expect((await standings.get(id))?.audiences).toEqual([]);
    expect(await auditedOf(rooms, id)).toEqual([
      'account.created',
      'role.granted',
      'role.granted',
      'role.revoked',
    ]);
    await roles.create({ audience: 'https://orders', name: 'clerk', permissions: ['orders:read'] }, operator);
  });

  it('says which role is meant, and what was so already', async () => {
    const { roles } = rooms;
    const { id } = await makeAccount(rooms, 'which@example.com');
    const unclear = await roles.grant(id, { role: 'clerk' }, operator);
    expect(unclear).toMatchObject({
      kind: 'faults',
      faults: [{ message: expect.stringContaining('https://stock') }],
    });
    expect(await roles.grant(id, { role: 'king' }, operator)).toMatchObject({ kind: 'faults' });
    expect(await roles.grant('nobody', { role: 'auditor' }, operator)).toEqual({ kind: 'absent' });
    expect(await roles.grant(id, { role: 'auditor' }, operator)).toMatchObject({
      kind: 'granted',
      changed: true,
    });
    expect(await roles.grant(id, { role: 'auditor' }, operator)).toMatchObject({
      kind: 'granted',
      changed: false,
    });
    expect(await roles.revoke(id, { role: 'auditor' }, operator)).toMatchObject({
      kind: 'revoked',
      changed: true,
    });
    expect(await roles.revoke(id, { role: 'auditor' }, operator)).toMatchObject({
      kind: 'revoked',
      changed: false,
    });
  });

  it('gives roles to service clients too', async () => {
    const { roles, clientAccess, lease, db } = rooms;
    expect((await clientAccess.get('robot')).audiences).toEqual([]);
    await roles.grantToClient('robot', { role: 'clerk', audience: 'https://stock' }, operator);
    await lease.renew();
    expect((await clientAccess.get('robot')).access('https://stock')).toEqual({
      roles: ['clerk'],
      permissions: ['stock:read'],
    });
    expect((await clientAccess.get('robot')).access('https://orders')).toEqual({
      roles: [],
      permissions: [],
    });
    await roles.revokeFromClient('robot', { role: 'clerk', audience: 'https://stock' }, operator);
    await lease.renew();
    expect((await clientAccess.get('robot')).audiences).toEqual([]);
    await roles.grantToClient('robot', { role: 'auditor' }, operator);
    await db.transaction().execute((trx) => roles.forgetClient(trx, 'robot'));
    expect(await roles.ofClient('robot')).toEqual([]);
  });

  it('costs a warm standing no statement', async () => {
    const { id } = await makeAccount(rooms, 'warm@example.com');
    await rooms.roles.grant(id, { role: 'auditor' }, operator);
    await rooms.lease.renew();
    await rooms.standings.get(id);
    const before = database.statementCount();
    for (let i = 0; i < 100; i += 1) expect(await rooms.standings.get(id)).toBeDefined();
    expect(database.statementCount()).toBe(before);
  });

  it('merges consents, also those given at once, and keeps what is not asked again', async () => {
    const { consents } = rooms;
    const { id } = await makeAccount(rooms, 'consent@example.com');
    const before = rooms.clock.now();
    await consents.record(id, 'app', { scopes: ['openid', 'email'], claims: ['picture'] }, operator);
    rooms.clock.advance(5);
    await Promise.all([
      consents.record(
        id,
        'app',
        { scopes: ['profile'], resources: { 'https://orders': ['orders:read'] } },
        operator,
      ),
      consents.record(
        id,
        'app',
        { scopes: ['openid'], resources: { 'https://orders': ['orders:write'] } },
        operator,
      ),
      consents.record(id, 'app', { resources: { 'https://stock': ['stock:read'] } }, operator),
    ]);
    expect(await consents.find(id, 'app')).toEqual({
      accountId: id,
      clientId: 'app',
      scopes: ['email', 'openid', 'profile'],
      claims: ['picture'],
      resources: { 'https://orders': ['orders:read', 'orders:write'], 'https://stock': ['stock:read'] },
      details: [],
      grantedAt: before,
      updatedAt: before + 5000,
    });
    await consents.record(id, 'other', { scopes: ['openid'] }, operator);
    expect((await consents.list(id)).map(({ clientId }) => clientId).sort()).toEqual(['app', 'other']);
    expect(await consents.record('nobody', 'app', { scopes: ['openid'] }, operator)).toBeUndefined();
  });

  it('withdraws: the pair is ended, other clients go on, the next visit asks again', async () => {
    const { consents, standings, lease, clock } = rooms;
    const { id } = await makeAccount(rooms, 'withdraw@example.com');
    await consents.record(id, 'app', { scopes: ['openid'] }, operator);
    await consents.record(id, 'other', { scopes: ['openid'] }, operator);
    clock.advance(1);
    await consents.withdraw(id, 'app', operator);
    await lease.renew();
    const standing = await standings.get(id);
    expect(standing?.endOf('app').reason).toBe('consent withdrawn');
    expect(standing?.endedBefore('app')).toBe(clock.now());
    expect(standing?.endedBefore('other')).toBe(0);
    expect(standing?.endedBefore()).toBe(0);
    expect(await consents.find(id, 'app')).toBeUndefined();
    expect(await consents.find(id, 'other')).toBeDefined();
    expect(await auditedOf(rooms, id)).toEqual([
      'account.created',
      'consent.granted',
      'consent.granted',
      'consent.withdrawn',
    ]);
  });

  it('takes back what a client has that was never asked about, and twice is once', async () => {
    const { consents, standings, lease, clock } = rooms;
    const { id } = await makeAccount(rooms, 'first-party@example.com');
    clock.advance(1);
    await consents.withdraw(id, 'own', operator);
    await consents.withdraw(id, 'own', operator);
    await lease.renew();
    expect((await standings.get(id))?.endOf('own')).toEqual({ at: clock.now(), reason: 'consent withdrawn' });
    await expect(consents.withdraw('nobody', 'own', operator)).resolves.toBeUndefined();
  });
});
