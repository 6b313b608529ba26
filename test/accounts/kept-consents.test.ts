/** What is kept in memory may be old by the lease: what is made of it must die with what this process has not heard of. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createKeptConsents } from '../../src/accounts/kept-consents.ts';
import { databases, type TestDatabase } from '../clients/databases.ts';
import { type AccountRooms, makeAccount, openAccounts, operator } from './rooms.ts';

const enough = () => true;

describe.each(databases)('kept consents on $name', ({ open }) => {
  let database: TestDatabase;
  let rooms: AccountRooms;
  let accounts = 0;
  beforeAll(async () => {
    database = await open();
    rooms = openAccounts(database);
  });
  afterAll(async () => {
    await rooms.close();
    await database.close();
  });

  async function kept(o: { max?: number } = {}) {
    accounts += 1;
    const { id } = await makeAccount(rooms, `kept-${accounts}@example.com`);
    const { consents, lease, clock } = rooms;
    const find = vi.fn(consents.find);
    const recall = createKeptConsents({ lease, clock, find, ...o });
    await consents.record(id, 'app', { scopes: ['openid'] }, operator);
    return { id, find, recall, client: { clientId: 'app' } };
  }

  it('asks once, and dates its answer by the lease, ten seconds of skew taken off', async () => {
    const { id, find, recall, client } = await kept();
    const readAt = rooms.clock.now();
    expect(await recall(id, client, enough)).toMatchObject({ consent: { scopes: ['openid'] }, asOf: readAt });
    rooms.clock.advance(60);
    await rooms.lease.renew();
    const renewedAt = rooms.clock.now();
    rooms.clock.advance(0.5);
    const again = await recall(id, client, enough);
    expect(again).toMatchObject({ consent: { scopes: ['openid'] }, asOf: renewedAt - 10_000 });
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('allowed anew after a withdrawal that nobody heard of: what is kept is dated by its reading', async () => {
    const { id, find, recall, client } = await kept();
    await rooms.lease.renew();
    rooms.clock.advance(0.1);
    await rooms.consents.withdraw(id, 'app', operator);
    rooms.clock.advance(0.1);
    await rooms.consents.record(id, 'app', { scopes: ['openid'] }, operator);
    const first = await recall(id, client, enough);
    rooms.clock.advance(0.1);
    const second = await recall(id, client, enough);
    expect(find).toHaveBeenCalledTimes(1);
    await rooms.lease.renew();
    const end = (await rooms.standings.get(id))?.endOf('app').at ?? 0;
    expect(first.asOf).toBeGreaterThan(end);
    expect(second.asOf).toBe(first.asOf);
  });

  it('asks Postgres when what is kept is not enough, and keeps what it says', async () => {
    const { id, find, recall, client } = await kept();
    const wants = (scope: string) => recall(id, client, ({ scopes }) => scopes.includes(scope));
    await wants('openid');
    await rooms.consents.record(id, 'app', { scopes: ['email'] }, operator);
    expect((await wants('email')).consent?.scopes).toEqual(['email', 'openid']);
    await wants('email');
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('sees at once what was allowed where nothing was before', async () => {
    const { id, recall } = await kept();
    const client = { clientId: 'other' };
    expect((await recall(id, client, enough)).consent).toBeUndefined();
    await rooms.consents.record(id, 'other', { scopes: ['openid'] }, operator);
    expect((await recall(id, client, enough)).consent).toBeDefined();
  });

  it('holds nothing of a client that was changed, or deleted and made again under its name', async () => {
    const { id, find, recall, client } = await kept();
    await recall(id, client, enough);
    await rooms.db.deleteFrom('consents').where('client_id', '=', 'app').execute();
    expect((await recall(id, client, enough)).consent).toBeDefined();
    expect((await recall(id, { ...client }, enough)).consent).toBeUndefined();
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('withdrawn elsewhere: what is still made of it is older than the end, and the next lease asks anew', async () => {
    const { id, recall, client } = await kept();
    await rooms.lease.renew();
    await recall(id, client, enough);
    rooms.clock.advance(0.2);
    await rooms.consents.withdraw(id, 'app', operator);
    rooms.clock.advance(0.2);
    const stale = await recall(id, client, enough);
    expect(stale.consent).toBeDefined();
    await rooms.lease.renew();
    const end = (await rooms.standings.get(id))?.endOf('app');
    expect(end?.reason).toBe('consent withdrawn');
    expect(stale.asOf).toBeLessThanOrEqual(end?.at ?? 0);
    expect((await recall(id, client, enough)).consent).toBeUndefined();
  });

  it('a withdrawal that comes while the answer is on its way is not forgotten', async () => {
    const { id, client } = await kept();
    const { consents, lease, clock } = rooms;
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const find = vi.fn(async (accountId: string, clientId: string) => {
      const consent = await consents.find(accountId, clientId);
      await answered;
      return consent;
    });
    const recall = createKeptConsents({ lease, clock, find });
    const first = recall(id, client, enough);
    await vi.waitFor(() => expect(find).toHaveBeenCalled());
    await consents.withdraw(id, 'app', operator);
    await lease.renew();
    answer();
    expect((await first).asOf).toBeLessThanOrEqual((await rooms.standings.get(id))?.endOf('app').at ?? 0);
    expect((await recall(id, client, enough)).consent).toBeUndefined();
  });

  it('is bounded in accounts, and in the apps of one account', async () => {
    const { id, find, recall } = await kept({ max: 2 });
    for (let n = 0; n < 10; n += 1) {
      await rooms.consents.record(id, `app-${n}`, { scopes: ['openid'] }, operator);
    }
    const clients = Array.from({ length: 10 }, (_, n) => ({ clientId: `app-${n}` }));
    for (const client of clients) await recall(id, client, enough);
    for (const client of clients) await recall(id, client, enough);
    expect(find).toHaveBeenCalledTimes(10 + 2);
    for (const other of ['a', 'b', 'c', 'd']) await recall(other, { clientId: 'app' }, enough);
    find.mockClear();
    await recall(id, clients[0] ?? { clientId: '' }, enough);
    expect(find).toHaveBeenCalledTimes(1);
  });
});
