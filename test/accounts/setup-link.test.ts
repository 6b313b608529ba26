import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { passwordFault } from '../../src/accounts/password-rules.ts';
import { ADMINISTRATOR } from '../../src/accounts/roles.ts';
import { databases, type TestDatabase } from '../clients/databases.ts';
import { type AccountRooms, auditedOf, makeAccount, openAccounts, operator } from './rooms.ts';

const person = { email: 'root@example.com', name: 'Root', password: 'correct horse battery staple' };

describe.each(databases)('the first administrator’s link on $name', ({ open }) => {
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

  async function offer(): Promise<string> {
    const token = await rooms.setupLink.offer();
    if (token === undefined) throw new Error('there is an administrator');
    return token;
  }

  it('is kept as a digest only; the newest works; it opens for an hour', async () => {
    const [older, newer] = [await offer(), await offer()];
    expect(newer).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const { rows } = await sql`select t::text from setup_links t`.execute(database.db);
    expect(JSON.stringify(rows)).not.toContain(newer);
    expect(rows).toHaveLength(1);
    expect(await rooms.setupLink.isLive(older)).toBe(false);
    expect(await rooms.setupLink.isLive(newer)).toBe(true);
    rooms.clock.advance(3600);
    expect(await rooms.setupLink.isLive(newer)).toBe(false);
    expect(await rooms.setupLink.complete({ token: newer, ...person })).toEqual({ kind: 'gone' });
  });

  it('hashes nothing for a stranger', async () => {
    const before = rooms.passwords.computedCount();
    for (const token of ['', 'x', 'x'.repeat(43), "' or 1=1", 'x'.repeat(10_000)]) {
      expect(await rooms.setupLink.complete({ token, ...person })).toEqual({ kind: 'gone' });
    }
    expect(rooms.passwords.computedCount()).toBe(before);
  });

  it('still works after a fault of the person', async () => {
    const token = await offer();
    await makeAccount(rooms, 'taken@example.com');
    const { setupLink } = rooms;
    expect(await setupLink.complete({ token, ...person, password: 'short' })).toEqual({
      kind: 'fault',
      field: 'password',
      fault: passwordFault('tooShort', { minLength: 12 }),
    });
    expect(await setupLink.complete({ token, ...person, email: 'no' })).toMatchObject({
      kind: 'fault',
      field: 'email',
    });
    expect(await setupLink.complete({ token, ...person, name: 'x'.repeat(5000) })).toMatchObject({
      kind: 'fault',
      field: 'name',
    });
    expect(await setupLink.complete({ token, ...person, email: 'TAKEN@example.com' })).toMatchObject({
      kind: 'fault',
      field: 'email',
    });
    expect(await setupLink.isLive(token)).toBe(true);
  });

  it('gives one administrator to twenty who use it at once, and none afterwards', async () => {
    const token = await offer();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        rooms.setupLink.complete({ token, ...person, email: `root${i}@example.com`, network: '127.0.0.1' }),
      ),
    );
    const created = outcomes.filter((outcome) => outcome.kind === 'created');
    expect(created).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'gone')).toHaveLength(19);
    const { rows } = await sql`select account_id from account_roles where role = 'administrator'`.execute(
      database.db,
    );
    expect(rows).toHaveLength(1);
    const [first] = created;
    if (first?.kind !== 'created') return;
    expect(first.account).toMatchObject({ emailVerified: true, profile: { name: 'Root' } });
    expect(await auditedOf(rooms, first.account.id)).toEqual(['account.created', 'setup.completed']);
    expect(await rooms.setupLink.offer()).toBeUndefined();
    expect(await rooms.setupLink.isLive(token)).toBe(false);
  });

  it('takes no name for no fault: the page calls it optional', async () => {
    await rooms.db.deleteFrom('account_roles').execute();
    const token = await offer();
    const email = 'nameless@example.com';
    const outcome = await rooms.setupLink.complete({ token, ...person, email, name: ' ' });
    expect(outcome).toMatchObject({ kind: 'created', account: { profile: {} } });
  });

  it('is dead once somebody is an administrator by another way', async () => {
    await rooms.db.deleteFrom('account_roles').execute();
    const token = await offer();
    const { id } = await makeAccount(rooms, 'cli@example.com');
    await rooms.roles.grant(id, ADMINISTRATOR, operator);
    expect(await rooms.setupLink.complete({ token, ...person })).toEqual({ kind: 'gone' });
  });
});
