/** Mailed links: a scanner that follows them burns nothing, in any browser the button works once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCookies } from '../../src/web/cookies.ts';
import { createAgent, formTo } from '../harness/agent.ts';
import { type Mailboxes, openMailboxes } from '../harness/mail-scanner.ts';
import { type Person, seedPerson } from '../harness/seed.ts';
import { openWorld, type World } from './world.ts';

describe.each([
  ['full', 'smtp'],
  ['embedded', 'box'],
] as const)('mailed links on %s', (setup, kind) => {
  let world: World;
  let mailboxes: Mailboxes;
  const operator = { actor: { kind: 'operator' } } as const;
  beforeAll(async () => {
    mailboxes = await openMailboxes(kind);
    world = await openWorld(setup, mailboxes.environment);
  });
  afterAll(async () => {
    await world?.close();
    await mailboxes?.close();
  });

  async function unverified(): Promise<Person> {
    const person = await seedPerson(world.rooms);
    await world.rooms.accounts.setEmailVerified(person.id, false, operator);
    return person;
  }
  const isVerified = async ({ id }: Person) => (await world.rooms.accounts.find(id))?.emailVerified;
  const ask = ({ id }: Person) =>
    world.rooms.emailVerification.ask(id, { actor: { kind: 'account', id }, network: '127.0.0.1' });

  test('A3 GET and HEAD do nothing, the token leaves the address, the button works once', async () => {
    const person = await unverified();
    expect(await ask(person)).toBe('asked');
    const { link } = await mailboxes.next(world, person.email);
    expect(await isVerified(person)).toBe(false);
    const agent = createAgent(world.issuer);
    const moved = await agent.get(link);
    expect(moved.status).toBe(303);
    expect(moved.location).toBe(`${world.issuer}/link`);
    expect(moved.headers.get('referrer-policy')).toBe('no-referrer');
    expect(moved.headers.get('cache-control')).toBe('no-store');
    const page = await agent.follow(moved);
    expect(page.text).toContain(person.email);
    expect(page.text.match(/(?:href|src|action)="(?!\/)[^"]+"/g)).toBeNull();
    const form = formTo(page, '/link');
    const done = await agent.follow(await agent.post(form.action, form.fields));
    expect(done.text).toContain('Your address is confirmed');
    expect(await isVerified(person)).toBe(true);
    const again = await agent.post(form.action, form.fields);
    expect(again.status).toBe(403);
    expect(again.text).toContain('This link no longer works');
  });

  test('S11 empty, replayed, forged and from another browser: 403 with a way on, and nothing happens', async () => {
    const person = await unverified();
    await ask(person);
    const { link } = await mailboxes.next(world, person.email);
    const [mine, other] = [createAgent(world.issuer), createAgent(world.issuer)];
    const form = formTo(await mine.follow(await mine.get(link)), '/link');
    const foreign = formTo(await other.follow(await other.get(link)), '/link');
    const attempts: readonly Record<string, string>[] = [
      {},
      { csrf: form.fields.csrf ?? '' },
      { csrf: form.fields.csrf ?? '', link: 'x'.repeat(43) },
      { csrf: form.fields.csrf ?? '', link: (form.fields.link ?? '').slice(0, -1) },
      { link: form.fields.link ?? '' },
      { csrf: foreign.fields.csrf ?? '', link: form.fields.link ?? '' },
    ];
    for (const fields of attempts) {
      const answer = await mine.post(form.action, fields);
      expect(answer.status, JSON.stringify(Object.keys(fields))).toBe(403);
      expect(answer.text).toMatch(/href="[^"]*\/"|<button/);
    }
    const crossSite = await mine.post(form.action, form.fields, { 'sec-fetch-site': 'cross-site' });
    expect(crossSite.status).toBe(403);
    expect((await createAgent(world.issuer).get('/link')).status).toBe(410);
    expect(await isVerified(person)).toBe(false);
    const done = await other.post(foreign.action, foreign.fields);
    expect(done.status).toBe(303);
    expect(await isVerified(person)).toBe(true);
  });

  test('S11 a kept word that names no page is a dead link, whatever objects are made of', async () => {
    const { nameOf } = createCookies({ secure: world.issuer.startsWith('https:') });
    const cookie = nameOf('link', '/link');
    for (const word of ['constructor', 'removed.constructor', '__proto__', 'toString', 'nothing', '']) {
      const answer = await createAgent(world.issuer).get('/link', { cookie: `${cookie}=done.${word}` });
      expect(answer.status, word).toBe(410);
      expect(answer.text, word).toContain('This link no longer works');
    }
  });

  test('A5 by code where the account is known; a link to an address that was changed since is dead', async () => {
    const [one, two] = [await unverified(), await unverified()];
    await ask(one);
    await ask(two);
    const { code } = await mailboxes.next(world, one.email);
    const by = { actor: { kind: 'anonymous' } } as const;
    const { emailVerification, accounts } = world.rooms;
    expect(await emailVerification.confirmCode(two.id, code, by)).toBe('wrong');
    expect(await emailVerification.confirmCode(one.id, code, by)).toBe('done');
    const { link } = await mailboxes.next(world, two.email);
    await accounts.update(two.id, { email: `moved-${two.email}` }, operator);
    const agent = createAgent(world.issuer);
    const page = await agent.follow(await agent.get(link));
    expect(page.status).toBe(410);
    expect(await isVerified(two)).toBe(false);
  });
});
