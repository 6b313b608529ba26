import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databases, type TestDatabase } from '../clients/databases.ts';
import { type AccountRooms, auditedOf, makeAccount, openAccounts, operator } from './rooms.ts';

describe.each(databases)('accounts on $name', ({ open }) => {
  let database: TestDatabase;
  let rooms: AccountRooms;
  beforeAll(async () => {
    database = await open();
    rooms = openAccounts(database);
  });
  afterAll(async () => {
    await rooms.close();
    await database.close();
  });

  const password = 'correct horse battery staple';

  it('makes an account, found by id and by any spelling of its address', async () => {
    const { accounts } = rooms;
    const made = await accounts.create(
      { email: ' Ada@Example.com ', name: 'Ada Lovelace', password, roles: [{ role: 'administrator' }] },
      operator,
    );
    expect(made).toMatchObject({
      kind: 'created',
      account: {
        email: 'Ada@Example.com',
        emailCanonical: 'ada@example.com',
        emailVerified: false,
        status: 'active',
        profile: { name: 'Ada Lovelace' },
        passwordVersion: 1,
        createdAt: rooms.clock.now(),
      },
    });
    if (made.kind !== 'created') return;
    expect(await accounts.find(made.account.id)).toEqual(made.account);
    expect(await accounts.findByEmail('ＡＤＡ@EXAMPLE.COM')).toEqual(made.account);
    expect(await accounts.findByEmail('no address')).toBeUndefined();
    expect(await rooms.roles.ofAccount(made.account.id)).toEqual([
      { audience: 'cardea', role: 'administrator' },
    ]);
    expect(JSON.stringify(made)).not.toContain('argon2');
  });

  it('A11 gives one address to one of twenty who want it at once, however they spell it', async () => {
    const spellings = ['race@example.com', 'RACE@example.com', 'Race@EXAMPLE.com', 'ｒace@example.com'];
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        rooms.accounts.create({ email: spellings[i % spellings.length] ?? '' }, operator),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === 'created')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'taken')).toHaveLength(19);
  });

  it('names every fault at once and makes nothing', async () => {
    const before = rooms.passwords.computedCount();
    const outcome = await rooms.accounts.create({ email: 'no', name: '', password: 'short' }, operator);
    expect(outcome.kind === 'faults' && outcome.faults.map(({ field }) => field)).toEqual([
      'email',
      'name',
      'password',
    ]);
    expect(rooms.passwords.computedCount()).toBe(before);
    const unknown = await rooms.accounts.create(
      { email: 'role@example.com', roles: [{ role: 'king' }] },
      operator,
    );
    expect(unknown).toMatchObject({ kind: 'faults', faults: [{ field: 'role' }] });
    expect(await rooms.accounts.findByEmail('role@example.com')).toBeUndefined();
  });

  it('A8 takes only the fields it knows, whatever else the input holds', async () => {
    const input = {
      email: 'mallory@example.com',
      id: 'mine',
      status: 'disabled',
      role: 'administrator',
      is_admin: true,
      passwordVersion: 7,
      password_hash: 'x',
      createdAt: 0,
    };
    const made = await rooms.accounts.create(input, operator);
    expect(made).toMatchObject({ kind: 'created', account: { status: 'active', passwordVersion: 0 } });
    if (made.kind !== 'created') return;
    expect(made.account.id).not.toBe('mine');
    expect(await rooms.roles.ofAccount(made.account.id)).toEqual([]);
    const change = { status: 'disabled', emailVerified: true, id: 'other', profile: { name: 'M' } };
    const changed = await rooms.accounts.update(made.account.id, change, operator);
    expect(changed).toMatchObject({ kind: 'changed', account: { status: 'active', emailVerified: false } });
  });

  it('A8 lets nobody verify their own telephone', async () => {
    const account = await makeAccount(rooms, 'phone@example.com');
    const self = { actor: { kind: 'account', id: account.id } } as const;
    const change = { profile: { phone_number: '+15551234567', phone_number_verified: true } };
    expect(await rooms.accounts.update(account.id, change, self)).toMatchObject({ kind: 'faults' });
    expect(await rooms.accounts.update(account.id, change, operator)).toMatchObject({ kind: 'changed' });
    const moved = await rooms.accounts.update(
      account.id,
      { profile: { phone_number: '+15557654321' } },
      self,
    );
    expect(moved.kind === 'changed' && moved.account.profile).toEqual({ phone_number: '+15557654321' });
  });

  it('changes address and profile, each audited by the names of its fields', async () => {
    const account = await makeAccount(rooms, 'before@example.com');
    await rooms.accounts.setEmailVerified(account.id, true, operator);
    const changed = await rooms.accounts.update(
      account.id,
      { email: 'After@example.com', profile: { name: 'New', locale: 'fr' } },
      operator,
    );
    expect(changed).toMatchObject({
      kind: 'changed',
      account: { email: 'After@example.com', emailVerified: false, profile: { name: 'New', locale: 'fr' } },
    });
    expect(await rooms.accounts.update(account.id, { email: 'ada@EXAMPLE.com' }, operator)).toEqual({
      kind: 'taken',
    });
    expect(await rooms.accounts.update(account.id, { email: 'AFTER@example.com' }, operator)).toMatchObject({
      kind: 'changed',
      account: { email: 'AFTER@example.com' },
    });
    expect(await rooms.accounts.update('nobody', { email: 'x@example.com' }, operator)).toEqual({
      kind: 'absent',
    });
    expect(await auditedOf(rooms, account.id)).toEqual([
      'account.created',
      'account.updated',
      'account.updated',
      'account.updated',
    ]);
  });

  it('gives one address to one of two accounts that change to it at once', async () => {
    const two = await Promise.all(['one', 'two'].map((name) => makeAccount(rooms, `${name}@race.example`)));
    const outcomes = await Promise.all(
      two.map(({ id }) => rooms.accounts.update(id, { email: 'both@race.example' }, operator)),
    );
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['changed', 'taken']);
  });

  it('S23 ends every session and family with a password change, a disable and a delete', async () => {
    const { accounts, standings, lease, clock } = rooms;
    const account = await makeAccount(rooms, 'ending@example.com', password);
    expect((await standings.get(account.id))?.endedBefore('app')).toBe(0);

    clock.advance(1);
    const set = await accounts.setPassword(account.id, 'another good long one', operator);
    expect(set).toMatchObject({ kind: 'changed', account: { passwordVersion: 2 } });
    await lease.renew();
    const standing = await standings.get(account.id);
    expect(standing?.endedBefore('app')).toBe(clock.now());
    expect(standing?.endedBefore()).toBe(clock.now());
    expect(standing?.endReason).toBe('password changed');

    await accounts.disable(account.id, operator, 'left');
    await lease.renew();
    expect(await standings.get(account.id)).toBeUndefined();
    const disabledAt = clock.now();
    clock.advance(10);
    await accounts.enable(account.id, operator);
    await lease.renew();
    expect((await standings.get(account.id))?.endedBefore('app')).toBe(disabledAt);

    expect(await accounts.delete(account.id, operator)).toBe(true);
    await lease.renew();
    expect(await standings.get(account.id)).toBeUndefined();
    expect(await accounts.delete(account.id, operator)).toBe(false);
    expect(await auditedOf(rooms, account.id)).toEqual([
      'account.created',
      'account.password-set',
      'account.disabled',
      'account.enabled',
      'account.deleted',
    ]);
    const again = await makeAccount(rooms, 'ending@example.com');
    expect(again.id).not.toBe(account.id);
  });

  it('does nothing twice: a disabled account is not disabled again', async () => {
    const account = await makeAccount(rooms, 'twice@example.com');
    await Promise.all([1, 2, 3].map(() => rooms.accounts.disable(account.id, operator)));
    expect(await auditedOf(rooms, account.id)).toEqual(['account.created', 'account.disabled']);
  });

  it('writes nothing when its audit event cannot be written', async () => {
    const audit = { append: () => Promise.reject(new Error('no audit')) };
    const { createAccounts } = await import('../../src/accounts/accounts.ts');
    const { defaultLifetimes } = await import('../../src/config/lifetimes.ts');
    const unaudited = createAccounts({ ...rooms, audit, lifetimes: defaultLifetimes });
    await expect(unaudited.create({ email: 'ghost@example.com' }, operator)).rejects.toThrow('no audit');
    expect(await rooms.accounts.findByEmail('ghost@example.com')).toBeUndefined();
  });

  it('A17 lists by keyset pages, and refuses a page mark that is not its own', async () => {
    for (let i = 0; i < 7; i += 1) await makeAccount(rooms, `page${i}@example.com`);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await rooms.accounts.list({ after, limit: 3 });
      if (!page) throw new Error('no page');
      expect(page.accounts.length).toBeLessThanOrEqual(3);
      seen.push(...page.accounts.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBe((await rooms.accounts.list({ limit: 200 }))?.accounts.length);
    for (const forged of ["1.'; drop table accounts; --", '', '1', 'x.y', '1.a%', `${'9'.repeat(20)}.a`]) {
      expect(await rooms.accounts.list({ after: forged })).toBeUndefined();
    }
    expect((await rooms.accounts.list({ limit: -5 }))?.accounts).toHaveLength(1);
    expect((await rooms.accounts.list({ limit: Number.NaN }))?.accounts).toHaveLength(1);
  });

  it("A17 finds nothing by patterns or quotes: ', %, _, $1", async () => {
    for (const typed of [
      "' or '1'='1",
      '%@example.com',
      '_da@example.com',
      '$1@example.com',
      "ada'--@example.com",
    ]) {
      expect(await rooms.accounts.findByEmail(typed)).toBeUndefined();
      expect(await rooms.accounts.find(typed)).toBeUndefined();
    }
  });
});
