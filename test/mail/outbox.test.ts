/** The outbox against a real SMTP server: at least once, one name, bounded tries; and what lies at rest. */
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createMail, type Mail } from '../../src/mail/mail.ts';
import type { Message } from '../../src/mail/message.ts';
import { createTemplates } from '../../src/mail/templates.ts';
import { createSmtpTransport } from '../../src/mail/transport.ts';
import { loadLanguages } from '../../src/web/texts.ts';
import { movableClock, newPostgres, sealing, type TestDatabase } from '../storage/databases.ts';
import { openSink, type Sink } from './sink.ts';

const templates = createTemplates({
  viewsDir: 'views',
  issuer: 'https://id.example.com',
  ...loadLanguages('views/locales'),
});
const credentials = { user: 'cardea', password: 'a secret of the mail server' };

let database: TestDatabase;
let sink: Sink;
let clock: ReturnType<typeof movableClock>;
let settled: { outcome: string; attempts: number; accountId: string | undefined }[];
let logged: string;
let mails: Mail[];
let number = 0;

beforeAll(async () => {
  database = await newPostgres();
});
afterAll(() => database?.close());
beforeEach(async () => {
  sink = await openSink({ credentials });
  clock = movableClock();
  settled = [];
  logged = '';
  mails = [];
  await sql`delete from mail_outbox`.execute(database.db);
});
afterEach(async () => {
  for (const mail of mails) await mail.close();
  await sink.close();
});

async function process(url = sink.url): Promise<Mail> {
  const { db } = await database.second();
  const note = (message: string, fields?: unknown) => {
    logged += `${message} ${JSON.stringify(fields)}\n`;
  };
  const mail = createMail({
    mode: {
      kind: 'smtp',
      transport: createSmtpTransport({ url, from: 'Example <id@example.com>', isLoopback: () => true }),
    },
    db,
    sealing,
    templates,
    clock,
    log: { info: note, warn: note },
    issuer: 'https://id.example.com',
    localeOf: async () => undefined,
    budgets: {
      notices: { limit: 3, windowSeconds: 86_400 },
      asked: { limit: 2, windowSeconds: 3600 },
    },
    onSettled: async (_trx, end) => {
      settled.push(end);
    },
  });
  mails.push(mail);
  return mail;
}

function message(accountId = `account-${++number}`): Message {
  return {
    kind: 'sign-in-ended',
    key: `sign-in-ended:family-${++number}`,
    accountId,
    to: 'ada@example.com',
    data: { app: 'Orders', at: clock.now(), seconds: 41 },
  };
}

const write = (mail: Mail, what: Message) =>
  database.db.transaction().execute((trx) => mail.write(trx, what));
const rows = async () =>
  (
    await sql<{ state: string; sealed: string | null }>`select state, sealed from mail_outbox`.execute(
      database.db,
    )
  ).rows;

describe('the mail outbox', () => {
  test('two processes deliver one mail once, to one recipient, from the sender that is set', async () => {
    const [one, two] = [await process(), await process()];
    for (let round = 0; round < 5; round += 1) {
      await write(one, message());
      await Promise.all([one.deliver(), two.deliver(), one.deliver(), two.deliver()]);
    }
    expect(sink.mails).toHaveLength(5);
    expect(sink.envelopes).toEqual(Array(5).fill(['ada@example.com']));
    expect(settled).toHaveLength(5);
    expect(new Set(sink.mails.map(({ messageId }) => messageId)).size).toBe(5);
    const [first] = sink.mails;
    expect(first?.from?.text).toBe('"Example" <id@example.com>');
    expect(first?.messageId).toMatch(/^<[\w-]{43}@id\.example\.com>$/);
    expect(first?.headers.get('auto-submitted')).toBe('auto-generated');
    expect(first?.text).toContain('41 s apart');
    expect(first?.html).toContain('href="https://id.example.com/account"');
  });

  test('a transaction that fails sends nothing', async () => {
    const mail = await process();
    const failed = database.db.transaction().execute(async (trx) => {
      await mail.write(trx, message());
      throw new Error('the rest of it failed');
    });
    await expect(failed).rejects.toThrow('the rest');
    expect(await mail.deliver()).toBe(0);
    expect(await rows()).toEqual([]);
  });

  test('a process that dies before its note: somebody sends it again, under the same Message-ID', async () => {
    const mail = await process();
    await write(mail, message());
    await sql`update mail_outbox set state = 'waiting'`.execute(database.db);
    const [row] = (await sql<{ sealed: string }>`select sealed from mail_outbox`.execute(database.db)).rows;
    expect(await mail.deliver()).toBe(1);
    // As if the note had never been made: still claimed, then free.
    await sql`update mail_outbox set state = 'waiting', sealed = ${row?.sealed}`.execute(database.db);
    expect(await mail.deliver()).toBe(0);
    clock.advance(301);
    expect(await (await process()).deliver()).toBe(1);
    expect(new Set(sink.mails.map(({ messageId }) => messageId)).size).toBe(1);
  });

  test('4xx: tried again, later each time, and given up after seven', async () => {
    const mail = await process();
    await write(mail, message());
    sink.answer = { code: 451 };
    for (let attempt = 1; attempt <= 7; attempt += 1) {
      expect(settled).toEqual([]);
      await mail.deliver();
      // Not due again yet.
      await mail.deliver();
      clock.advance(30 * 4 ** (attempt - 1) + 1);
    }
    expect(settled).toEqual([expect.objectContaining({ outcome: 'unreachable', attempts: 7 })]);
    expect(await rows()).toEqual([{ state: 'given-up', sealed: null }]);
  });

  test('4xx, then taken', async () => {
    const mail = await process();
    await write(mail, message());
    sink.answer = { code: 421 };
    await mail.deliver();
    sink.answer = undefined;
    clock.advance(31);
    expect(await mail.deliver()).toBe(1);
    expect(settled).toEqual([expect.objectContaining({ outcome: 'sent', attempts: 2 })]);
  });

  test('5xx: given up at once', async () => {
    const mail = await process();
    await write(mail, message());
    sink.answer = { code: 550 };
    await mail.deliver();
    expect(settled).toEqual([expect.objectContaining({ outcome: 'refused', attempts: 1 })]);
  });

  test('a server that is down, or whose sign-in fails, is tried again; no credential is logged', async () => {
    const gone = await openSink();
    await gone.close();
    const mail = await process(`smtp://cardea:hidden-word@127.0.0.1:${gone.port}`);
    await write(mail, message());
    expect(await mail.deliver()).toBe(0);
    clock.advance(31);
    const wrong = await process(sink.url.replace(/:[^:@]*@/, ':hidden-word@'));
    expect(await wrong.deliver()).toBe(0);
    expect(settled).toEqual([]);
    expect(logged).toContain('tried again');
    expect(logged).not.toMatch(/hidden-word|a secret of/);
    clock.advance(121);
    expect(await (await process()).deliver()).toBe(1);
  });

  test('one mail a key; at most the budget an account, and another account has its own', async () => {
    const mail = await process();
    const same = message('someone');
    await write(mail, same);
    await write(mail, same);
    for (let n = 0; n < 5; n += 1) await write(mail, message('someone'));
    await write(mail, message('somebody else'));
    expect(await rows()).toHaveLength(4);
    clock.advance(86_401);
    await write(mail, message('someone'));
    expect(await rows()).toHaveLength(5);
  });

  test('at rest: sealed while it waits, gone once it was sent, forgotten after a month', async () => {
    const mail = await process();
    await write(mail, message());
    const dump = async () => JSON.stringify((await sql`select * from mail_outbox`.execute(database.db)).rows);
    expect(await dump()).not.toMatch(/ada@example|Orders/);
    await mail.deliver();
    expect(await rows()).toEqual([{ state: 'sent', sealed: null }]);
    clock.advance(31 * 86_400);
    expect(await mail.sweep()).toBe(1);
  });
});
