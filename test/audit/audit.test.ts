import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAudit } from '../../src/audit/audit.ts';
import type { AuditEvent } from '../../src/audit/catalogue.ts';
import { databases, quiet, standingClock, type TestDatabase } from '../clients/databases.ts';

const system = { kind: 'system' } as const;
const issued = (accountId: string, clientId = 'web'): AuditEvent => ({
  type: 'token.issued',
  actor: { kind: 'client', id: clientId },
  accountId,
  clientId,
  network: '192.0.2.1',
  requestId: 'r-1',
  detail: { grantType: 'authorization_code', format: 'jwt', scope: 'openid' },
});

describe('the catalogue is closed', () => {
  it('an unlisted event, and a listed one with another detail, do not pass the type check', () => {
    // @ts-expect-error: not in the catalogue
    const unlisted: AuditEvent = { type: 'account.exploded', actor: system, detail: {} };
    // @ts-expect-error: the detail of another event
    const mixed: AuditEvent = { type: 'account.enabled', actor: system, detail: { kid: 'x' } };
    // @ts-expect-error: nobody did it
    const actorless: AuditEvent = { type: 'account.enabled', detail: {} };
    expect([unlisted.type, mixed.type, actorless.type]).toHaveLength(3);
  });
});

describe.each(databases)('audit on $name', ({ open }) => {
  let database: TestDatabase;
  const clock = standingClock();
  beforeAll(async () => {
    database = await open();
  });
  afterAll(() => database.close());

  it('is there if and only if what it describes commits', async () => {
    const audit = createAudit({ db: database.db, clock, log: quiet });
    const event = (accountId: string): AuditEvent => ({
      type: 'account.enabled',
      actor: system,
      accountId,
      detail: {},
    });
    await database.db.transaction().execute((trx) => audit.append(trx, event('kept')));
    const rolledBack = database.db.transaction().execute(async (trx) => {
      await audit.append(trx, event('undone'));
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    expect((await audit.search({ accountId: 'undone' })).events).toEqual([]);
    expect((await audit.search({ accountId: 'kept' })).events).toMatchObject([
      { type: 'account.enabled', at: clock.now(), actor: system, accountId: 'kept', detail: {} },
    ]);
  });

  it('writes issuance in one statement for many, on its own, and what is left at the end', async () => {
    const audit = createAudit({ db: database.db, clock, log: quiet, flushMs: 5 });
    const before = database.statementCount();
    for (let n = 0; n < 500; n++) audit.later(issued('batched'));
    expect(database.statementCount()).toBe(before);
    await expect
      .poll(async () => (await audit.search({ accountId: 'batched', limit: 200 })).events.length)
      .toBe(200);
    audit.later(issued('last'));
    const atClose = database.statementCount();
    await audit.close();
    expect(database.statementCount()).toBe(atClose + 1);
    expect((await audit.search({ accountId: 'last' })).events).toMatchObject([
      {
        clientId: 'web',
        network: '192.0.2.1',
        requestId: 'r-1',
        detail: { grantType: 'authorization_code' },
      },
    ]);
    expect(audit.droppedCount()).toBe(0);
  });

  it('drops and counts what does not fit, and a row that no table takes does not stop the others', async () => {
    const audit = createAudit({ db: database.db, clock, log: quiet, max: 3, flushMs: 60_000 });
    for (let n = 0; n < 5; n++) audit.later(issued('full'));
    expect(audit.droppedCount()).toBe(2);
    await audit.flush();
    expect((await audit.search({ accountId: 'full' })).events).toHaveLength(3);
    audit.later({ ...issued('odd'), at: Number.MAX_SAFE_INTEGER / 2 } as AuditEvent);
    audit.later(issued('odd\u0000\ud800'));
    await audit.close();
    expect((await audit.search({ accountId: 'odd\\u{0}\ufffd' })).events).toHaveLength(1);
    expect(audit.droppedCount()).toBe(3);
  });

  it('keeps what a terminal or jsonb would choke on visible', async () => {
    const audit = createAudit({ db: database.db, clock, log: quiet });
    const role = 'a\u0000b\u001b[31m\ud800';
    await audit.append(database.db, {
      type: 'role.granted',
      actor: system,
      accountId: 'odd-1',
      detail: { role, audience: 'x' },
    });
    const [event] = (await audit.search({ accountId: 'odd-1' })).events;
    expect(event?.detail).toEqual({ role: 'a\\u{0}b\\u{1b}[31m\ufffd', audience: 'x' });
  });

  it('finds a client whose id merely begins like our secrets', async () => {
    const audit = createAudit({ db: database.db, clock, log: quiet });
    await audit.append(database.db, issued('prefixed', 'cardea_app_orders-service-production'));
    expect((await audit.search({ clientId: 'cardea_app_orders-service-production' })).events).toHaveLength(1);
  });

  it('searches by account, client, type and time, newest first, in pages without gaps or repeats', async () => {
    const audit = createAudit({ db: database.db, clock, log: quiet });
    const start = clock.now();
    for (let n = 0; n < 7; n++) {
      // Three at the same millisecond, then the next.
      if (n % 3 === 0) clock.advance(1);
      await audit.append(database.db, issued('paged', n % 2 === 0 ? 'even' : 'odd'));
    }
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await audit.search({ accountId: 'paged', limit: 2, after });
      seen.push(...page.events.map((event) => event.id));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toHaveLength(7);
    expect(seen.map(Number)).toEqual(seen.map(Number).toSorted((a, b) => b - a));
    const count = async (by: Parameters<typeof audit.search>[0]) => (await audit.search(by)).events.length;
    expect(await count({ clientId: 'even' })).toBe(4);
    expect(await count({ accountId: 'paged', type: 'token.issued' })).toBe(7);
    expect(await count({ accountId: 'paged', type: 'token.refreshed' })).toBe(0);
    expect(await count({ accountId: 'paged', from: start + 2_000 })).toBe(4);
    expect(await count({ accountId: 'paged', from: start, to: start + 2_000 })).toBe(3);
    await expect(audit.search({ after: "1' or 1=1" })).rejects.toThrow(RangeError);
  });
});
