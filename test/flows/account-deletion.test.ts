/** Deleting one's own account, from the step-up before it to the last mail, behind a mail scanner. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Agent, formTo, type Page } from '../harness/agent.ts';
import { type Mailboxes, openMailboxes } from '../harness/mail-scanner.ts';
import { createAgent, type Person, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import type { Setup } from '../harness/server.ts';
import { moveClock } from './clock.ts';
import { enter, frontDoorOf } from './portal-world.ts';
import { openWorld, type World } from './world.ts';

/** Forward only: a mail that was written in the future is not due yet. */
const clock = await moveClock();
const setups: readonly (readonly [Setup, 'smtp' | 'box', string])[] = [
  ['full', 'smtp', 'on postgres and redis, by SMTP'],
  ['embedded', 'box', 'on embedded, with the local mail box'],
];

describe.each(setups)('deleting an account with %s and %s: %s', (setup, kind) => {
  let mailboxes: Mailboxes;
  let world: World;
  beforeAll(async () => {
    mailboxes = await openMailboxes(kind);
    world = await openWorld(setup, mailboxes.environment);
  });
  afterAll(async () => {
    await world?.close();
    await mailboxes?.close();
  });

  const submit = (agent: Agent, page: Page, email: string) => {
    const form = formTo(page, '/account/delete');
    return agent.post(form.action, { ...form.fields, email });
  };
  /** The sign-in page of a fresh browser, answered. */
  const signInAnew = async (person: Person, more: Record<string, string> = {}) => {
    const agent = createAgent(world.issuer);
    const form = formTo(await agent.follow(await agent.get('/account')), '/sign-in');
    const { email, password } = person;
    return agent.follow(await agent.post(form.action, { ...form.fields, email, password, ...more }));
  };
  const statusOf = async ({ id }: Person) => (await world.rooms.accounts.find(id))?.status;

  test('S22 asked with an old session: sign in first, type the address, and all is signed out', async () => {
    const person = await seedPerson(world.rooms);
    const { agent } = await enter(world, person);
    const elsewhere = await enter(world, person);
    const client = await seedWebClient(world.rooms, { firstParty: true });
    const tokens = await world.redeem(
      await world.browser(client, person).code('openid offline_access'),
      client,
    );
    clock.move(world.server.settings.lifetimes.recentSignIn + 5);

    const asked = await agent.get('/account/delete');
    expect(frontDoorOf(asked)?.get('max_age')).toBe('600');
    const page = await signIn(agent, await agent.follow(asked), person);
    expect(new URL(page.url).pathname).toBe('/account/delete');
    const wrong = await submit(agent, page, 'somebody@example.com');
    expect([wrong.status, await statusOf(person)]).toEqual([422, 'active']);
    expect(wrong.text).toContain('This is not the address of your account.');
    const done = await submit(agent, wrong, person.email.toUpperCase());
    expect([done.status, await statusOf(person)]).toEqual([200, 'leaving']);
    expect(done.text).toContain('Your account will be deleted');

    for (const one of [agent, elsewhere.agent]) {
      await vi.waitFor(async () => {
        expect(frontDoorOf(await one.get('/account'))?.get('response_type')).toBe('none');
      }, 10_000);
    }
    expect((await world.refresh(tokens.json.refresh_token, client)).json.error).toBe('invalid_grant');
    // The form a second time finds nobody signed in.
    expect(frontDoorOf(await submit(agent, wrong, person.email))).toBeDefined();
  });

  test('S12 who signs in is told by the right password only, and keeps the account by it', async () => {
    const person = await seedPerson(world.rooms);
    const { agent, page } = await enter(world, person, '/account/delete');
    await submit(agent, page, person.email);
    const [wrong, nobody] = [
      await signInAnew(person, { password: 'not the password', keep: 'yes' }),
      await signInAnew(person, { email: 'nobody@example.com', keep: 'yes' }),
    ];
    expect([wrong.status, nobody.status]).toEqual([422, 422]);
    const plain = (text: string, email: string) =>
      text.replaceAll(email, '').replace(/value="[^"]{20,}"|\/interaction\/[\w-]+|visit=[\w-]+/g, '');
    expect(plain(wrong.text, person.email)).toBe(plain(nobody.text, 'nobody@example.com'));

    const agentB = createAgent(world.issuer);
    const first = await signIn(agentB, await agentB.follow(await agentB.get('/account')), person);
    expect([first.status, await statusOf(person)]).toEqual([200, 'leaving']);
    expect(first.text).toContain('This account will be deleted on');
    const inside = await signIn(agentB, first, person);
    expect([new URL(inside.url).pathname, await statusOf(person)]).toEqual(['/account', 'active']);
  });

  test('A4 the mailed link keeps it by its button, not by being followed; once', async () => {
    const person = await seedPerson(world.rooms);
    const { agent, page } = await enter(world, person, '/account/delete');
    await submit(agent, page, person.email);
    const letter = await mailboxes.next(world, person.email);
    expect(letter.link).toMatch(/\/link\//);
    expect(await statusOf(person)).toBe('leaving');
    const stranger = createAgent(world.issuer);
    const shown = await stranger.follow(await stranger.get(letter.link));
    expect(shown.text).toContain(person.email);
    const form = formTo(shown, '/link');
    const kept = await stranger.follow(await stranger.post(form.action, { ...form.fields }));
    expect(kept.text).toContain('Your account stays');
    expect(await statusOf(person)).toBe('active');
    const again = await stranger.post(form.action, { ...form.fields });
    expect(again.status).toBe(403);
  });

  test('after the grace time it is gone, with everything and a last mail', async () => {
    const person = await seedPerson(world.rooms);
    const { agent, page } = await enter(world, person, '/account/delete');
    await submit(agent, page, person.email);
    await mailboxes.all(world, person.email);
    clock.move(world.server.settings.lifetimes.deletionGrace + 5);
    await world.rooms.deletions.sweep();
    expect(await statusOf(person)).toBeUndefined();
    const subjects = (await mailboxes.all(world, person.email)).map(({ subject }) => subject);
    // Two mails that are due at once may arrive in either order.
    expect(subjects).toContainEqual(expect.stringContaining('was deleted'));
    expect((await signInAnew(person)).status).toBe(422);
  });
});
