/** What ends access against what begins it in the same moment: the end wins, whichever commits first. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBrowser, redeemForm } from '../harness/codes.ts';
import { until } from '../harness/ports.ts';
import { type Person, redirectUri, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { freshStores, type Stores, startServer, type TestServer } from '../harness/server.ts';

const operator = { actor: { kind: 'operator' } } as const;

function check(holds: boolean): void {
  if (!holds) throw new Error('not yet');
}

describe('an end that is not committed yet', () => {
  let stores: Stores;
  let server: TestServer;
  let person: Person;
  let client: SeededClient;

  beforeAll(async () => {
    stores = await freshStores('full');
    server = await startServer(stores);
    client = await seedWebClient(server.rooms);
  });
  afterAll(async () => {
    await server?.stop();
    await stores?.drop();
  });

  /** Runs `end` until it waits in its last statement, `meanwhile` beside it, and lets both finish. */
  async function whileEnding<T>(end: () => Promise<unknown>, meanwhile: () => Promise<T>): Promise<T> {
    const { db } = server.rooms.database;
    const waiting = async () => {
      const { rows } = await sql<{ n: string }>`
        select count(*) as n from pg_locks l join pg_database d on d.oid = l.database or l.database is null
        where d.datname = current_database() and not l.granted`.execute(db);
      return Number(rows[0]?.n);
    };
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let locked = () => {};
    const isLocked = new Promise<void>((resolve) => {
      locked = resolve;
    });
    const holding = db.transaction().execute(async (trx) => {
      await sql`lock table changes in exclusive mode`.execute(trx);
      locked();
      await released;
    });
    await isLocked;
    const ending = end();
    await until('the end waits', async () => check((await waiting()) === 1));
    let settled = false;
    const done = meanwhile().finally(() => {
      settled = true;
    });
    await until('the other is done or waits', async () => check(settled || (await waiting()) > 1));
    release();
    await Promise.all([holding, ending]);
    return done;
  }

  test('a sign-in with the old password does not outlive the change of the password', async () => {
    person = await seedPerson(server.rooms);
    const { authenticate, accounts, standings, lease } = server.rooms;
    const outcome = await whileEnding(
      () => accounts.setPassword(person.id, 'quite another password', operator),
      () => authenticate({ email: person.email, password: person.password, network: '192.0.2.1' }),
    );
    await lease.renew();
    const endedBefore = (await standings.get(person.id))?.endedBefore() ?? 0;
    expect(outcome.kind === 'signed-in' && outcome.at > endedBefore).toBe(false);
  });

  test('a sign-in does not outlive the disabling of its account, once that is enabled again', async () => {
    person = await seedPerson(server.rooms);
    const { authenticate, accounts, standings, lease } = server.rooms;
    const outcome = await whileEnding(
      () => accounts.disable(person.id, operator),
      () => authenticate({ email: person.email, password: person.password, network: '192.0.2.1' }),
    );
    await accounts.enable(person.id, operator);
    await lease.renew();
    const endedBefore = (await standings.get(person.id))?.endedBefore() ?? 0;
    expect(outcome.kind === 'signed-in' && outcome.at > endedBefore).toBe(false);
  });

  test('a code from a consent that is being withdrawn gives no tokens', async () => {
    person = await seedPerson(server.rooms);
    const browser = createBrowser(server.issuer, client, person);
    await browser.code('openid email');
    const answer = await whileEnding(
      () => server.rooms.consents.withdraw(person.id, client.clientId, operator),
      () => browser.code('openid email'),
    );
    await server.rooms.lease.renew();
    const token = await fetch(`${server.issuer}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client.clientId}:${client.secret}`)}` },
      body: new URLSearchParams(redeemForm(answer, redirectUri)),
    });
    expect(await token.json()).toMatchObject({ error: 'invalid_grant' });
  });

  test('a consent given while another is withdrawn does not bring back what was withdrawn', async () => {
    person = await seedPerson(server.rooms);
    const { consents } = server.rooms;
    await consents.record(person.id, client.clientId, { scopes: ['openid', 'email'] }, operator);
    await whileEnding(
      () => consents.withdraw(person.id, client.clientId, operator),
      () => consents.record(person.id, client.clientId, { scopes: ['profile'] }, operator),
    );
    expect((await consents.find(person.id, client.clientId))?.scopes).toEqual(['profile']);
  });

  test('what a client was given just after it was disabled stays dead when it is enabled', async () => {
    const { clients, directory, lease } = server.rooms;
    const other = await seedWebClient(server.rooms);
    await clients.disable(other.clientId, operator.actor);
    const bornUnderAnOldLease = Date.now() + 1;
    await until('time goes on', async () => check(Date.now() > bornUnderAnOldLease));
    await clients.enable(other.clientId, operator.actor);
    await lease.renew();
    await directory.find(other.clientId);
    expect(directory.endedBefore(other.clientId)).toBeGreaterThanOrEqual(bornUnderAnOldLease);
  });
});
