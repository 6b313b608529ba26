/**
 * What the holder of an account does with it, in real Chromium: with JavaScript on Postgres and Redis, without it on
 * embedded. Mail is caught by a real SMTP server, behind a mail scanner that follows every link first. Whatever the
 * browser complains about (a refused load, a script's error) fails the journey.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { unzipSync } from 'fflate';
import { generateSync } from 'otplib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moveClock } from '../flows/clock.ts';
import { authorizeQuery, openWorld, type World } from '../flows/world.ts';
import { openChromium } from '../harness/chromium.ts';
import { type Mailboxes, openMailboxes } from '../harness/mail-scanner.ts';
import { type Person, type SeededClient, seedClient, seedPerson } from '../harness/seed.ts';
import type { Setup } from '../harness/server.ts';
import { look, startApp, withPage } from './journey.ts';
import { fill, headed, press, said } from './words.ts';

const clock = await moveClock();
/** What the person's phone shows now. */
const generateTotp = (secret: string) => generateSync({ secret, epoch: Math.floor(Date.now() / 1000) });
const by = { actor: { kind: 'operator' } } as const;
const phone = { viewport: { width: 360, height: 740 }, colorScheme: 'light' } as const;

let chrome: Browser;
beforeAll(async () => {
  chrome = await openChromium();
});
afterAll(() => chrome?.close());

describe.each<[string, Setup, boolean]>([
  ['with JavaScript, on postgres and redis', 'full', true],
  ['without JavaScript, on embedded', 'embedded', false],
])('%s', (_, setup, javaScriptEnabled) => {
  let world: World;
  let mailboxes: Mailboxes;
  let app: Awaited<ReturnType<typeof startApp>>;
  let client: SeededClient;

  beforeAll(async () => {
    mailboxes = await openMailboxes('smtp');
    world = await openWorld(setup, mailboxes.environment);
    app = await startApp();
    client = await seedClient(world.rooms, {
      name: 'Notes',
      type: 'web',
      redirectUris: [app.callback, `${app.home}/in`],
    });
  });
  afterAll(async () => {
    app?.close();
    await world?.close();
    await mailboxes?.close();
  });

  /** Nothing is asked about passkeys: those journeys are passkeys.test.ts. */
  const journey = (use: (page: Page) => Promise<void>) =>
    withPage(chrome, { ...phone, javaScriptEnabled }, use).then((complaints) =>
      expect(complaints).toEqual([]),
    );
  const at = (path: string) => `${world.issuer}${path}`;
  const asks = () => at(authorizeQuery(client, { redirect_uri: app.callback }));

  async function signInWith(page: Page, { email, password }: Person): Promise<void> {
    if (await page.locator('#email').isVisible()) await fill(page, 'form.email', email);
    await fill(page, 'form.password', password);
    await press(page, 'signIn.button');
  }
  async function enter(page: Page, person: Person, path: string): Promise<void> {
    await page.goto(at(path));
    await signInWith(page, person);
    await page.waitForURL(at(path));
  }
  const arrived = async (page: Page) => {
    await page.waitForURL(`${app.home}/in?**`);
    expect(new URL(page.url()).searchParams.get('code')).toBeTruthy();
  };
  const forget = (page: Page) => page.context().clearCookies({ name: /session|interaction|resume/ });
  const accountOf = ({ id }: Person) => world.rooms.accounts.find(id);

  test('an address is confirmed by its code', { timeout: 60_000 }, async () => {
    const password = 'an umbrella in november';
    const email = `unsure-${setup}@example.com`;
    const made = await world.rooms.accounts.create({ email, password }, by);
    if (made.kind !== 'created') throw new Error(made.kind);
    await journey(async (page) => {
      await enter(page, { id: made.account.id, email, password }, '/account/email');
      await press(page, 'portal.email.verify');
      await headed(page, 'portal.email.codeTitle');
      await fill(page, 'portal.email.codeLabel', '0000 0000');
      await press(page, 'portal.email.codeButton');
      await page.getByRole('alert').waitFor();
      await fill(page, 'portal.email.codeLabel', (await mailboxes.next(world, email)).code);
      await press(page, 'portal.email.codeButton');
      await said(page, 'portal.done.emailVerified');
    });
    expect((await world.rooms.accounts.find(made.account.id))?.emailVerified).toBe(true);
  });

  test('another address: by its code, and by its link in a browser that has to sign in first', {
    timeout: 60_000,
  }, async () => {
    const person = await seedPerson(world.rooms);
    const [first, second] = [`first-${person.email}`, `second-${person.email}`];
    await journey(async (page) => {
      await enter(page, person, '/account/email');
      await fill(page, 'portal.email.new', first);
      await press(page, 'portal.email.button');
      await headed(page, 'portal.email.codeTitle');
      await fill(page, 'portal.email.codeLabel', (await mailboxes.next(world, first)).code);
      await press(page, 'portal.email.codeButton');
      await said(page, 'portal.done.email');
      expect((await mailboxes.next(world, person.email)).text).toContain('This is the last e-mail');
      await fill(page, 'portal.email.new', second);
      await press(page, 'portal.email.button');
      await headed(page, 'portal.email.codeTitle');
    });
    const { link } = await mailboxes.next(world, second);
    await journey(async (page) => {
      await page.goto(link);
      await said(page, 'link.signInFirst');
      await press(page, 'link.changeEmail.button');
      await signInWith(page, { ...person, email: first });
      await page.waitForURL(/\/link/);
      await press(page, 'link.changeEmail.button');
      await headed(page, 'link.changeEmail.doneTitle');
    });
    expect((await accountOf(person))?.email).toBe(second);
  });

  test('signing in by a mailed code, to the app', { timeout: 60_000 }, async () => {
    const person = await seedPerson(world.rooms);
    await journey(async (page) => {
      await page.goto(asks());
      await fill(page, 'form.email', person.email);
      await press(page, 'signIn.sendCode');
      await headed(page, 'signInCode.title');
      await fill(page, 'code.label', (await mailboxes.next(world, person.email)).code);
      await press(page, 'signIn.button');
      await press(page, 'consent.allow');
      await arrived(page);
    });
  });

  test('an authenticator app: set up, asked for, and a recovery code in its place', {
    timeout: 90_000,
  }, async () => {
    const person = await seedPerson(world.rooms);
    await journey(async (page) => {
      await enter(page, person, '/account/two-step');
      await page.getByRole('link', { name: 'Add an authenticator app' }).click();
      const secret = ((await page.locator('.key code').textContent()) ?? '').replaceAll(' ', '');
      await fill(page, 'secondFactor.totp.label', generateTotp(secret));
      await press(page, 'enrolTotp.button');
      const codes = await page.locator('.codes code').allTextContents();
      expect(codes).toHaveLength(10);
      await page.getByRole('link', { name: 'I have saved them' }).click();
      await headed(page, 'portal.twoStep.codes');

      // The next code: this one was used to set it up.
      clock.move(60);
      await forget(page);
      await page.goto(at('/account/two-step'));
      await signInWith(page, person);
      await fill(page, 'secondFactor.totp.label', '000000');
      await press(page, 'secondFactor.button');
      await page.getByRole('alert').waitFor();
      await fill(page, 'secondFactor.totp.label', generateTotp(secret));
      await press(page, 'secondFactor.button');
      await page.waitForURL(at('/account/two-step'));

      await forget(page);
      await page.goto(at('/account/two-step'));
      await signInWith(page, person);
      await page.getByRole('link', { name: 'Use a recovery code' }).click();
      await fill(page, 'secondFactor.recovery.label', codes[3] ?? '');
      await press(page, 'secondFactor.button');
      await page.waitForURL(at('/account/two-step'));
      await page.getByText('9 codes are left').waitFor();
    });
    expect((await mailboxes.next(world, person.email)).text).toContain('recovery code');
  });

  test('a browser is signed out from another one, and is out by its next click', {
    timeout: 60_000,
  }, async () => {
    const person = await seedPerson(world.rooms);
    await journey((lost) =>
      journey(async (mine) => {
        await enter(lost, person, '/account');
        await enter(mine, person, '/account/devices');
        const cards = mine.locator('.card');
        expect(await cards.count()).toBe(2);
        await cards.filter({ hasNotText: 'This browser' }).getByRole('button', { name: 'Sign out' }).click();
        await said(mine, 'portal.done.deviceEnded');
        expect(await cards.count()).toBe(1);
        await lost.getByRole('link', { name: 'Profile' }).click();
        await headed(lost, 'signIn.title');
        await mine.reload();
        await headed(mine, 'portal.devices.title');
      }),
    );
  });

  test('an app is taken its access, and asks again', { timeout: 60_000 }, async () => {
    const person = await seedPerson(world.rooms);
    await journey(async (page) => {
      await page.goto(asks());
      await signInWith(page, person);
      await press(page, 'consent.allow');
      await arrived(page);
      await page.goto(at('/account/apps'));
      await page.getByRole('heading', { name: 'Notes' }).waitFor();
      await press(page, 'portal.apps.remove');
      await said(page, 'portal.done.appRemoved');
      await page.goto(asks());
      await press(page, 'consent.allow');
      await arrived(page);
    });
  });

  test('my data: downloaded, unpacked, and read in the browser', { timeout: 60_000 }, async () => {
    const person = await seedPerson(world.rooms);
    await journey(async (page) => {
      await enter(page, person, '/account/data');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        press(page, 'portal.data.download'),
      ]);
      expect(download.suggestedFilename()).toMatch(/^account-\d{4}-\d\d-\d\d\.zip$/);
      const parts: Buffer[] = [];
      for await (const part of await download.createReadStream()) parts.push(part as Buffer);
      const folder = await mkdtemp(join(tmpdir(), 'cardea-archive-'));
      for (const [name, content] of Object.entries(unzipSync(Buffer.concat(parts)))) {
        if (!name.includes('/')) await writeFile(join(folder, name), content);
      }
      await page.goto(`file://${join(folder, 'index.html')}`);
      await page.getByText(person.email).first().waitFor();
      expect(await page.evaluate('getComputedStyle(document.body).fontFamily')).toContain('system-ui');
      if (!javaScriptEnabled) return;
      await look(page, 'archive');
      // A file may not ask for its style sheet by script, as axe would.
      const { violations } = await new AxeBuilder({ page }).options({ preload: false }).analyze();
      expect(violations.map(({ id }) => id)).toEqual([]);
    });
  });

  test('an account is deleted and kept by the link of the mail; then deleted, and gone by the clock', {
    timeout: 90_000,
  }, async () => {
    const person = await seedPerson(world.rooms);
    const leave = async (page: Page) => {
      await enter(page, person, '/account/delete');
      await fill(page, 'portal.deletion.type', person.email);
      await press(page, 'portal.deletion.button');
      await headed(page, 'portal.left.title');
    };
    await journey(async (page) => {
      await leave(page);
      expect((await accountOf(person))?.status).toBe('leaving');
      await page.goto((await mailboxes.next(world, person.email)).link);
      await headed(page, 'link.cancelDeletion.title');
      await press(page, 'link.cancelDeletion.button');
      await headed(page, 'link.cancelDeletion.doneTitle');
      await leave(page);
      // Nothing is under way when the clock is moved: what fails then waits for a time that does not come here.
      await mailboxes.all(world, person.email);
      clock.move(world.server.settings.lifetimes.deletionGrace + 5);
      await world.rooms.deletions.sweep();
      await page.goto(asks());
      await signInWith(page, person);
      await said(page, 'signIn.rejected');
    });
    expect(await accountOf(person)).toBeUndefined();
    const subjects = (await mailboxes.all(world, person.email)).map(({ subject }) => subject);
    expect(subjects.at(-1)).toContain('was deleted');
  });
});
