/** Profile and security activity over HTTP: only one's own, and nothing that the page does not show. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formTo } from '../harness/agent.ts';
import { createAgent, type Person, seedPerson } from '../harness/seed.ts';
import { enter } from './portal-world.ts';
import { openWorld, type World } from './world.ts';

let world: World;
let ada: Person;
let bob: Person;
beforeAll(async () => {
  world = await openWorld('full');
  ada = world.person;
  bob = await seedPerson(world.rooms);
});
afterAll(() => world?.close());

describe('the profile, on postgres and redis', () => {
  test('what is typed is stored, said to be, and an empty field takes it away', async () => {
    const { agent, page } = await enter(world, ada, '/account/profile');
    const { action, fields } = formTo(page, '/account/profile');
    const sent = { ...fields, nickname: ' Countess ', birthdate: '1815-12-10', locale: 'en', zoneinfo: '' };
    const saved = await agent.follow(await agent.post(action, { ...sent, name: '' }));
    expect(saved.text).toContain('Your profile is saved.');
    const { profile } = (await world.rooms.accounts.find(ada.id)) ?? {};
    expect(profile).toEqual({ nickname: 'Countess', birthdate: '1815-12-10', locale: 'en' });
    // Another browser's address says nothing of the kind.
    const stranger = await enter(world, ada);
    const forged = await stranger.agent.get(saved.url);
    expect(forged.text).not.toContain('Your profile is saved.');
  });

  test('what is wrong stands beside its field, and what was typed stays', async () => {
    const { agent, page } = await enter(world, ada, '/account/profile');
    const { action, fields } = formTo(page, '/account/profile');
    const answer = await agent.post(action, {
      ...fields,
      birthdate: '10 December',
      zoneinfo: 'Mars/Olympus',
    });
    expect(answer.status).toBe(422);
    expect(answer.text).toMatch(/id="birthdate"[^>]*value="10 December"[^>]*aria-invalid="true"/);
    expect(answer.text).toContain('Choose a time zone from the list.');
  });

  test.each([
    'email',
    'email_verified',
    'phone_number_verified',
    'roles',
    'id',
    'status',
    'password_hash',
    '__proto__',
  ])('A8 %s is no field of it: refused, and nothing of the form is taken', async (field) => {
    const { agent, page } = await enter(world, bob, '/account/profile');
    const before = await world.rooms.accounts.find(bob.id);
    const { action, fields } = formTo(page, '/account/profile');
    const body = new URLSearchParams({ ...fields, name: 'Mallory' });
    body.append(field, 'true');
    const answer = await agent.post(action, body as never);
    expect(answer.status).toBe(400);
    expect(await world.rooms.accounts.find(bob.id)).toEqual(before);
  });
});

describe('security activity, on postgres and redis', () => {
  const older = (text: string) => /href="(\/account\/activity\?after=[^"]+)"/.exec(text)?.[1] ?? '';

  test('A9 pages hold the account’s own events, and a cursor opens no other account’s', async () => {
    for (let n = 0; n < 30; n += 1) {
      for (const { id } of [ada, bob]) {
        await world.rooms.audit.append(world.rooms.database.db, {
          type: 'role.granted',
          actor: { kind: 'operator' },
          accountId: id,
          detail: { role: `${id === ada.id ? 'ada' : 'bob'}-${n}`, audience: 'https://api.example.com' },
        });
      }
    }
    const { agent, page } = await enter(world, ada, '/account/activity');
    expect(page.text).toContain('by an administrator');
    const second = await agent.get(older(page.text));
    const all = page.text + second.text;
    for (let n = 0; n < 30; n += 1) expect(all).toContain(`>ada-${n}<`);
    expect(all).not.toContain('bob-');

    const theirs = await enter(world, bob, '/account/activity');
    const cursor = older(page.text);
    expect((await theirs.agent.get(cursor)).status).toBe(404);
    expect((await agent.get(`${cursor.slice(0, -2)}AA`)).status).toBe(404);
    expect((await agent.get('/account/activity?after=1700000000000.5')).status).toBe(404);
  });

  test('a refused sign-in shows, with the network and the browser that it came from', async () => {
    const carol = await seedPerson(world.rooms);
    await world.rooms.authenticate({ email: carol.email, password: 'wrong', network: '203.0.113.9' });
    const stranger = createAgent(world.issuer);
    const form = formTo(await stranger.follow(await stranger.get('/account')), '/sign-in');
    const chrome =
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';
    const typed = { ...form.fields, email: carol.email, password: 'wrong' };
    expect((await stranger.post(form.action, typed, { 'user-agent': chrome })).status).toBe(422);
    await world.rooms.audit.flush();
    const { page } = await enter(world, carol, '/account/activity');
    expect(page.text).toContain('Somebody tried to sign in with a wrong password');
    expect(page.text).toContain('203.0.113.9');
    expect(page.text).toContain('Chrome on Windows');
    expect(page.text).toContain('the network that you are on');
  });
});
