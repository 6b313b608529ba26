/**
 * Download my data: the archive holds every row of every table that names the account, no secret, nobody else's rows,
 * and reads well; it is given to who has just proved who they are, a few times a day.
 */
import { unzipSync } from 'fflate';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dataTopics } from '../../src/wiring-data.ts';
import { type Agent, formTo } from '../harness/agent.ts';
import { type Person, type SeededClient, seedApi, seedPerson, seedWebClient } from '../harness/seed.ts';
import type { Setup } from '../harness/server.ts';
import { moveClock } from './clock.ts';
import { codeNow, leaveTraces, rowsOf } from './data-fixture.ts';
import { enter, frontDoorOf } from './portal-world.ts';
import { openWorld, type World } from './world.ts';

const setups: readonly (readonly [Setup, string])[] = [
  ['full', 'on postgres and redis'],
  ['embedded', 'on embedded'],
];
const clock = await moveClock();
const hostile = '<img src=x onerror=alert(1)>"&';

describe.each(setups)('my data with %s: %s', (setup) => {
  let world: World;
  let person: Person;
  let client: SeededClient;
  let agent: Agent;
  let secrets: string[];

  beforeAll(async () => {
    world = await openWorld(setup, { CARDEA_LIMIT_DOWNLOADS_PER_ACCOUNT: '3/1d' });
    const { rooms } = world;
    person = await seedPerson(rooms);
    await seedApi(rooms);
    client = await seedWebClient(rooms, {
      name: 'Notes',
      backchannelLogoutUri: 'https://app.example.com/out',
    });
    const by = { actor: { kind: 'account', id: person.id } } as const;
    await rooms.accounts.update(person.id, { profile: { nickname: hostile } }, by);
    const browser = world.browser(client, person);
    const code = await browser.code('openid offline_access orders:read');
    const tokens = (await world.redeem(code, client)).json;
    const traces = await leaveTraces(world, person);
    // The app's first code is spent.
    clock.move(60);
    const entered = await enter(world, person);
    ({ agent } = entered);
    const second = formTo(entered.page, '/second-factor');
    await agent.follow(await agent.post(second.action, { ...second.fields, code: codeNow(traces.secret) }));
    secrets = [person.password, code.code, tokens.access_token, tokens.refresh_token, ...traces.secrets];
    secrets.push(...[...agent.cookies, ...browser.agent.cookies].map(({ value }) => value));
    // Somebody else, with as much of everything.
    const eve = await seedPerson(rooms);
    await world.redeem(await world.browser(client, eve).code('openid offline_access'), client);
    secrets.push(eve.id, eve.email);
  });
  afterAll(async () => {
    clock.reset();
    await world?.close();
  });

  async function download(): Promise<Record<string, string>> {
    const form = formTo(await agent.get('/account/data'), '/download');
    const answer = await bytes(agent, form.action, { ...form.fields });
    expect(answer.type).toBe('application/zip');
    expect(answer.disposition).toMatch(/^attachment; filename="account-\d{4}-\d\d-\d\d\.zip"$/);
    const files = unzipSync(answer.body);
    return Object.fromEntries(
      Object.entries(files).map(([name, content]) => [name, Buffer.from(content).toString()]),
    );
  }

  test('every table that names an account is in a topic of the archive', async () => {
    const { rows } = await sql<{ table_name: string }>`
      select table_name from information_schema.columns
        where table_schema = 'public' and column_name = 'account_id'
      union
      select child.relname from pg_constraint c
        join pg_class child on child.oid = c.conrelid join pg_class parent on parent.oid = c.confrelid
        where c.contype = 'f' and parent.relname = 'accounts'
      union select 'accounts'`.execute(world.rooms.database.db);
    const listed = new Set(Object.values(dataTopics).flatMap(({ tables }) => Object.keys(tables)));
    expect(rows.map((row) => row.table_name).filter((name) => !listed.has(name))).toEqual([]);
    const known = new Set(rows.map((row) => row.table_name));
    expect([...listed].filter((name) => !known.has(name))).toEqual([]);
  });

  test('the archive holds as many rows as the tables, and neither a secret nor anybody else’s', async () => {
    const files = await download();
    const counts: Record<string, [number, number]> = {};
    for (const [topic, { tables }] of Object.entries(dataTopics)) {
      const rows = JSON.parse(files[`data/${topic}.json`] ?? '') as unknown[];
      let stored = 0;
      for (const table of Object.keys(tables)) {
        // Told with the account's own row.
        if (table === 'account_passwords') continue;
        const found = await rowsOf(world, table, person.id);
        expect(found, table).toBeGreaterThan(0);
        stored += found;
      }
      counts[topic] = [rows.length, stored];
    }
    for (const [topic, [given, stored]] of Object.entries(counts)) {
      // What the download itself and the requests around it note may come between the two.
      expect(stored - given, topic).toBeGreaterThanOrEqual(0);
      expect(stored - given, topic).toBeLessThanOrEqual(topic === 'activity' ? 2 : 0);
    }
    const told = (topic: string) =>
      JSON.parse(files[`data/${topic}.json`] ?? '') as Record<string, unknown>[];
    expect(told('account')).toMatchObject([{ email: person.email, profile: { nickname: hostile } }]);
    expect(told('account')[0]?.password_set_at).toMatch(/^\d{4}-/);
    const some = (...members: object[]) =>
      expect.arrayContaining(members.map((one) => expect.objectContaining(one)));
    expect(told('consents')).toEqual(some({ client_id: client.clientId }));
    expect(told('apps')).toEqual(some({ client_id: client.clientId, offline: true }));
    expect(told('sessions')).toHaveLength(4);
    expect(told('sessions')).toEqual(some({ ended_reason: 'revoked by person' }));
    expect(told('sign-outs')).toEqual(some({ client_id: client.clientId, state: 'would be told' }));
    expect(told('roles')).toMatchObject([{ role: 'reader' }]);
    expect(told('identities')).toMatchObject([{ provider_id: 'corp', subject: `s-${person.id}` }]);
    expect(told('passkeys')).toMatchObject([{ name: 'Old phone', rp_id: 'earlier.example' }]);
    expect(told('factors')).toEqual(some({ what: 'authenticator app', name: 'Phone' }));
    expect(told('factors').filter(({ what }) => what === 'recovery code')).toHaveLength(10);
    expect(told('refusals')).toMatchObject([{ rule: 'a rule' }]);
    expect(told('proofs')).toEqual(some({ purpose: 'change-email' }));
    expect(told('activity').map(({ type }) => type)).toContain('account.data-downloaded');
    expect(told('mails')).toEqual(some({ kind: 'data-downloaded' }, { kind: 'factor-added' }));
    const all = Object.values(files).join('\n');
    for (const secret of secrets) expect(all).not.toContain(secret);
    expect(all).not.toMatch(/\$argon2|uid_sealed|uid_key|place_digest|code_digest|token_digest/);
  });

  test('no column of these tables is forgotten: each is told, or stays for a reason', async () => {
    const { db } = world.rooms.database;
    const { rows } = await sql<{ table_name: string; column_name: string }>`
      select table_name, column_name from information_schema.columns where table_schema = 'public'`.execute(
      db,
    );
    for (const [topic, { tables, rows: rowsOf }] of Object.entries(dataTopics)) {
      const told = new Set(['account_id', 'hash', 'set_at']);
      for await (const row of await rowsOf(db, person.id))
        for (const name of Object.keys(row)) told.add(name);
      const columns = rows.filter(({ table_name }) => Object.hasOwn(tables, table_name));
      for (const [table, kept] of Object.entries(tables)) {
        const all = columns.filter(({ table_name }) => table_name === table).map((one) => one.column_name);
        expect(
          Object.keys(kept).filter((name) => !all.includes(name)),
          `${topic}: ${table}`,
        ).toEqual([]);
        const silent = all.filter((name) => !told.has(name) && !Object.hasOwn(kept, name));
        expect(silent, `${topic}: ${table}`).toEqual([]);
      }
    }
  });

  test('its page is read without scripts, and what others wrote is text', async () => {
    const page = (await download())['index.html'] ?? '';
    expect(page).toContain(`The data of ${person.email}`);
    expect(page).not.toContain('<img');
    expect(page).not.toContain('<script');
    expect(page).toContain('&#60;img src=x onerror=alert(1)&#62;');
    expect(page).toContain('href="style.css"');
  });

  test('it is told to the holder, and a few a day are enough', async () => {
    await download();
    const form = formTo(await agent.get('/account/data'), '/download');
    const refused = await agent.post(form.action, { ...form.fields });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60);
    expect(refused.text).toContain('Try again tomorrow.');
    const { events } = await world.rooms.audit.search({
      accountId: person.id,
      type: 'account.data-downloaded',
    });
    expect(events).toHaveLength(3);
    if (setup === 'embedded') {
      const box = await world.rooms.mail.box();
      expect(box.filter(({ to, subject }) => to === person.email && /downloaded/.test(subject))).toHaveLength(
        3,
      );
    }
  });

  test('S19 whoever has not just proved who they are is asked first, and gets nothing', async () => {
    const form = formTo(await agent.get('/account/data'), '/download');
    clock.move(world.server.settings.lifetimes.recentSignIn + 5);
    const answer = await agent.post(form.action, { ...form.fields });
    expect(frontDoorOf(answer)?.get('max_age')).toBe('600');
    expect(frontDoorOf(await agent.get('/account/data'))?.get('max_age')).toBe('600');
  });
});

/** The agent reads text; an archive is bytes. */
async function bytes(agent: Agent, url: string, fields: Record<string, string>) {
  const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  const answer = await fetch(url, {
    method: 'POST',
    headers: { cookie, origin: new URL(url).origin },
    body: new URLSearchParams(fields),
  });
  return {
    type: answer.headers.get('content-type'),
    disposition: answer.headers.get('content-disposition'),
    body: new Uint8Array(await answer.arrayBuffer()),
  };
}
