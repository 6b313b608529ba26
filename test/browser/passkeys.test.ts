/**
 * Passkeys in real Chromium with a virtual authenticator, against the real server: offered after a password and after
 * another device's passkey, used from the field and by the button, kept in the portal; and the same pages whole without
 * JavaScript.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorizeQuery, openWorld, type World } from '../flows/world.ts';
import { openChromium } from '../harness/chromium.ts';
import { type SeededClient, seedClient, seedPerson } from '../harness/seed.ts';
import { look, looks, startApp, withPage } from './journey.ts';
import { addAuthenticator } from './virtual-authenticator.ts';

let world: World;
let chrome: Browser;
let app: Awaited<ReturnType<typeof startApp>>;
let client: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  chrome = await openChromium();
  app = await startApp();
  client = await seedClient(world.rooms, {
    name: 'Orders',
    type: 'web',
    redirectUris: [app.callback, `${app.home}/in`],
    firstParty: true,
  });
});
afterAll(async () => {
  await chrome?.close();
  app?.close();
  await world?.close();
});

const asks = (change: Record<string, string> = {}) =>
  world.issuer + authorizeQuery(client, { redirect_uri: app.callback, ...change });
const fill = async (page: Page, email: string, password: string) => {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
};
const arrived = async (page: Page) => {
  await page.waitForURL(`${app.home}/in?**`);
  expect(new URL(page.url()).searchParams.get('code')).toBeTruthy();
};
const signOut = (page: Page) => page.context().clearCookies({ name: /session|interaction|resume/ });
/** The page has told the server what this browser can do, before anything is asked of it. */
const able = (page: Page) => page.waitForFunction("document.cookie.includes('cardea.passkeys=1')");
const keys = async (accountId: string) => (await world.rooms.passkeys?.list(accountId)) ?? [];

test('offered after a password; then the field and the button sign in; a passkey-only account; the portal', {
  timeout: 120_000,
}, async () => {
  const person = await seedPerson(world.rooms);
  const complaints = await withPage(chrome, looks[0], async (page) => {
    const device = await addAuthenticator(page);
    await page.goto(asks());
    await able(page);
    await fill(page, person.email, person.password);
    await page.getByRole('heading', { name: 'Sign in faster next time' }).waitFor();
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await arrived(page);
    expect(await device.credentials()).toHaveLength(1);

    // Conditional UI: the virtual authenticator answers at once, like the person who picks the passkey in the field.
    await signOut(page);
    await page.goto(asks());
    await arrived(page);
    expect((await keys(person.id))[0]?.lastUsedAt).toBeGreaterThan(0);

    // Nobody is asked in the field when the account is known: here it is the button.
    await page.goto(asks({ prompt: 'login' }));
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await arrived(page);

    await page.goto(`${world.issuer}/account/passkeys`);
    await page.getByRole('link', { name: 'Add a passkey' }).click();
    await page.getByRole('button', { name: 'Make the passkey' }).click();
    await page.getByText('This device has a passkey for your account already.').waitFor();
    await device.remove();
    const key = await addAuthenticator(page, { transport: 'usb' });
    await page.getByLabel('Name').fill('Key ring');
    await page.getByRole('button', { name: 'Make the passkey' }).click();
    await page.getByText('Your passkey is added.').waitFor();
    await look(page, 'portal-passkeys-phone-light');
    expect(await key.credentials()).toHaveLength(1);

    await page.getByRole('link', { name: 'Rename Key ring' }).click();
    await page.getByLabel('Name').fill('Blue key');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Blue key' }).waitFor();
    await page.getByRole('link', { name: 'Remove Passkey' }).click();
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('The passkey is removed.').waitFor();
    expect((await keys(person.id)).map(({ name }) => name)).toEqual(['Blue key']);

    // Without a password it is the only way in: the form knows nothing of it, the passkey does, and it stays.
    await world.rooms.database.db
      .deleteFrom('account_passwords')
      .where('account_id', '=', person.id)
      .execute();
    await page.getByRole('link', { name: 'Remove Blue key' }).click();
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('This is your only way to sign in.').waitFor();
    await key.waits(true);
    await signOut(page);
    await page.goto(asks());
    await fill(page, person.email, person.password);
    await page.getByText('don’t match').waitFor();
    await key.waits(false);
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await arrived(page);
  });
  expect(complaints).toEqual([]);
});

test('a passkey of another device, used through this one: one of its own is offered, and left for now', {
  timeout: 60_000,
}, async () => {
  const person = await seedPerson(world.rooms);
  const complaints = await withPage(chrome, looks[0], async (page) => {
    const phone = await addAuthenticator(page, { transport: 'hybrid' });
    await page.goto(asks());
    await fill(page, person.email, person.password);
    await arrived(page);
    await page.goto(`${world.issuer}/account/passkeys/new`);
    await page.getByRole('button', { name: 'Make the passkey' }).click();
    await page.getByText('Your passkey is added.').waitFor();
    expect(await phone.credentials()).toHaveLength(1);

    await addAuthenticator(page);
    await signOut(page);
    await page.goto(asks({ prompt: 'login' }));
    await page.getByText('You signed in with a passkey from another device').waitFor();
    await page.getByRole('button', { name: 'Not now' }).click();
    await arrived(page);
    await signOut(page);
    await page.goto(asks());
    await arrived(page);
  });
  expect(complaints).toEqual([]);
});

test('without JavaScript nothing of it is in the way', { timeout: 60_000 }, async () => {
  const person = await seedPerson(world.rooms);
  const complaints = await withPage(chrome, { ...looks[0], javaScriptEnabled: false }, async (page) => {
    await page.goto(asks());
    expect(await page.getByRole('button', { name: 'Sign in with a passkey' }).isVisible()).toBe(false);
    await fill(page, person.email, person.password);
    await arrived(page);
    await page.goto(`${world.issuer}/account/passkeys/new`);
    await page.getByText('Passkeys need JavaScript').waitFor();
  });
  expect(complaints).toEqual([]);
});
