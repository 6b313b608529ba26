/**
 * A key that is used twice ends a sign-in, and its holder gets a mail: written with the end, sent once by whichever of
 * two processes comes first; a mail server that is down keeps nobody from signing in.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Person, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { openSink, type Sink } from '../mail/sink.ts';
import { openWorld, type World } from './world.ts';

describe('with a mail server, on two processes', () => {
  let world: World;
  let other: World;
  let sink: Sink;
  let client: SeededClient;
  let person: Person;

  beforeAll(async () => {
    sink = await openSink();
    world = await openWorld('full', { CARDEA_SMTP_URL: sink.url, CARDEA_MAIL_FROM: 'id@example.com' });
    other = await world.second();
  });
  afterAll(async () => {
    await world?.close();
    await sink?.close();
  });
  beforeEach(async () => {
    sink.mails.length = 0;
    sink.answer = undefined;
    person = await seedPerson(world.rooms);
    client = await seedWebClient(world.rooms, {
      name: 'Orders & <b>more</b>',
      firstParty: true,
      refreshReplayWindowSeconds: 0,
    });
  });

  const begin = async () =>
    (await world.redeem(await world.browser(client, person).code('openid offline_access'), client)).json;

  /** Both look at once, as their timers do. */
  const deliver = () => Promise.all([world.rooms.mail.deliver(), other.rooms.mail.deliver()]);

  test('one mail, from whichever process, with app, distance and place; the timeline has it', async () => {
    const { refresh_token: token } = await begin();
    expect((await world.refresh(token, client)).status).toBe(200);
    // Used twice more, at once, on both.
    const again = await Promise.all([world, other].map((one) => one.refresh(token, client)));
    expect(again.map(({ json }) => json.error)).toEqual(['invalid_grant', 'invalid_grant']);
    await deliver();
    await vi.waitFor(() => expect(sink.mails.length).toBeGreaterThan(0), 20_000);
    await deliver();
    expect(sink.mails).toHaveLength(1);
    const [mail] = sink.mails;
    expect([mail?.to].flat()[0]?.text).toBe(person.email);
    expect(mail?.text).toContain('Orders & <b>more</b>');
    expect(mail?.html).toContain('Orders &amp; &lt;b&gt;more&lt;/b&gt;');
    expect(mail?.text).toContain('127.0.0.1');
    // The server has the mail before the process that brought it has written that down.
    await vi.waitFor(async () => {
      const { entries } = await world.rooms.timeline.read({ accountId: person.id });
      const types = entries.map((entry) => (entry.kind === 'event' ? entry.event.type : entry.kind));
      expect(types).toEqual(expect.arrayContaining(['mail.sent', 'token.replayed', 'family']));
    }, 20_000);
  });

  test('an address that nobody has verified is told nothing', async () => {
    await world.rooms.accounts.setEmailVerified(person.id, false, { actor: { kind: 'operator' } });
    const { refresh_token: token } = await begin();
    await world.refresh(token, client);
    await world.refresh(token, client);
    await deliver();
    expect(sink.mails).toEqual([]);
  });

  test('F22: a mail server that refuses or says nothing keeps nobody from signing in; the mail follows', async () => {
    sink.answer = { code: 451 };
    const { refresh_token: token } = await begin();
    await world.refresh(token, client);
    expect((await world.refresh(token, client)).json.error).toBe('invalid_grant');
    await deliver();
    expect(sink.mails).toEqual([]);
    sink.answer = 'silence';
    const fresh = await begin();
    expect((await other.refresh(fresh.refresh_token, client)).status).toBe(200);
  });
});

describe('without a mail server', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld('embedded');
  });
  afterAll(() => world?.close());

  test('on a loopback issuer the mail is shown, to callers on this machine', async () => {
    const client = await seedWebClient(world.rooms, { firstParty: true, refreshReplayWindowSeconds: 0 });
    const { refresh_token: token } = await world.signIn(client, 'openid offline_access');
    expect((await world.ask('/mailbox')).text).toContain('Nothing was written yet');
    await world.refresh(token, client);
    await world.refresh(token, client);
    const page = await world.ask('/mailbox');
    expect(page.status).toBe(200);
    expect(page.text).toContain('A sign-in of yours at Orders was ended');
    expect(page.text).toContain(world.person.email);
    expect(page.headers['cache-control']).toContain('no-store');
  });
});

describe('elsewhere, without a mail server', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld('embedded', { CARDEA_ISSUER: 'https://id.example.com' });
  });
  afterAll(() => world?.close());

  test('nothing is written, and there is no mail box', async () => {
    expect(world.rooms.mail.kind).toBe('off');
    const answer = await world.ask('/mailbox', { headers: { host: 'id.example.com' } });
    expect(answer.status).toBe(404);
  });

  test('what needs a mail is not offered, and its addresses do not exist', async () => {
    const headers = { host: 'id.example.com' };
    for (const path of ['/reset', '/reset/code', '/link', `/link/${'x'.repeat(43)}`]) {
      expect((await world.ask(path, { headers })).status).toBe(404);
    }
  });
});

describe('a loopback issuer behind a proxy', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld('embedded', { CARDEA_TRUSTED_PROXIES: '127.0.0.0/8' });
  });
  afterAll(() => world?.close());

  test('the mail box is for callers on this machine only', async () => {
    const answer = await world.ask('/mailbox', { headers: { 'x-forwarded-for': '203.0.113.7' } });
    expect(answer.status).toBe(404);
  });
});
