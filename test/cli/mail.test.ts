/** `mail`: what the mails say, and a test send to a real SMTP server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMail } from '../../src/mail/mail.ts';
import type { MailKind, Message } from '../../src/mail/message.ts';
import { samples } from '../../src/mail/samples.ts';
import { createSmtpTransport } from '../../src/mail/transport.ts';
import { openSink, type Sink } from '../mail/sink.ts';
import { openTestRooms, type TestRooms } from './rooms.ts';

let at: TestRooms;
let sink: Sink;

beforeAll(async () => {
  at = await openTestRooms();
  sink = await openSink();
});
afterAll(async () => {
  await at?.close();
  await sink?.close();
});

test('list and lint know every kind', async () => {
  const listed = await at.cli(['mail', 'list']);
  expect(listed.json.mails.map(({ kind }: { kind: string }) => kind).sort()).toEqual(
    Object.keys(samples).sort(),
  );
  expect((await at.cli(['mail', 'lint'])).json).toMatchObject({ faults: [] });
});

test('preview shows both parts', async () => {
  const shown = await at.cli(['mail', 'preview', 'reset-password']);
  expect(shown.json).toMatchObject({
    kind: 'reset-password',
    locale: 'en',
    text: expect.stringContaining('1234 5678'),
  });
  expect(shown.json.html).toContain('1234 5678');
  expect((await at.cli(['mail', 'preview', 'love-letter'])).exit).toBe(1);
  expect((await at.cli(['mail', 'preview', 'new-device', '--locale', 'xx'])).exit).toBe(2);
});

test('send-test says what came of it', async () => {
  const send = (to: string) => at.cli(['mail', 'send-test', 'new-device', '--to', to]);
  // The rooms have no mail server.
  expect((await send('ada@example.com')).json).toMatchObject({ error: 'unavailable' });
  expect((await send('ada@example.com, eve@example.com')).exit).toBe(2);
  expect((await send('ada@example.com\r\nBcc: eve@example.com')).exit).toBe(2);
});

test('a mail past the outbox goes to one recipient, and a refusal is told as one', async () => {
  const { mail, database, sealing, clock, log } = at.rooms;
  const direct = createMail({
    mode: {
      kind: 'smtp',
      transport: createSmtpTransport({ url: sink.url, from: 'id@example.com', isLoopback: () => true }),
    },
    db: database.db,
    sealing,
    clock,
    log,
    templates: mail.templates,
    issuer: 'https://id.example.com',
    localeOf: async () => undefined,
    budgets: { notices: { limit: 1, windowSeconds: 1 }, asked: { limit: 1, windowSeconds: 1 } },
    onSettled: async () => undefined,
  });
  const one = { ...mail.templates.render('new-device', samples['new-device']), to: 'ada@example.com' };
  expect(await direct.sendNow(one)).toBe('sent');
  expect(sink.envelopes).toEqual([['ada@example.com']]);
  sink.answer = { code: 550 };
  expect(await direct.sendNow(one)).toBe('refused');
  sink.answer = { code: 451 };
  expect(await direct.sendNow(one)).toBe('later');
  await direct.close();
});

test('every kind is in the language that its account has chosen, whatever its writer says or leaves out', async () => {
  const { mail, accounts, database } = at.rooms;
  const made = await accounts.create(
    { email: 'grete@example.com', profile: { locale: 'de-AT' } },
    { actor: { kind: 'operator' } },
  );
  if (made.kind !== 'created') throw new Error(made.kind);
  const accountId = made.account.id;
  for (const kind of Object.keys(samples) as MailKind[]) {
    const one = { kind, key: `words ${kind}`, accountId, to: `${kind}@example.com`, locale: 'fr' };
    await database.db
      .transaction()
      .execute((trx) => mail.write(trx, { ...one, data: samples[kind] } as Message));
  }
  const box = await mail.box();
  for (const kind of Object.keys(samples) as MailKind[]) {
    const found = box.find(({ to }) => to === `${kind}@example.com`);
    expect(found?.subject, kind).toBe(mail.templates.render(kind, samples[kind], 'de').subject);
    expect(found?.html, kind).toContain('<html lang="de"');
  }
});
