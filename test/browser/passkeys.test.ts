/**
 * Passkeys in real Chromium with a virtual authenticator, against the real server: offered after a password, used from the
 * field and by the button, and the same pages whole without JavaScript.
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
const anew = async (page: Page) => {
  await page.context().clearCookies({ name: /session|interaction|resume/ });
  await page.goto(asks());
};
/** The page has told the server what this browser can do, before anything is asked of it. */
const able = (page: Page) => page.waitForFunction("document.cookie.includes('cardea.passkeys=1')");

test('after a password a passkey is offered; then the field and the button sign in with it', {
  timeout: 60_000,
}, async () => {
  const person = await seedPerson(world.rooms);
  const complaints = await withPage(chrome, looks[0], async (page) => {
    const authenticator = await addAuthenticator(page);
    await page.goto(asks());
    await able(page);
    await look(page, 'passkey-sign-in-phone-light');
    await fill(page, person.email, person.password);
    await page.getByRole('heading', { name: 'Sign in faster next time' }).waitFor();
    await look(page, 'passkey-offer-phone-light');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await arrived(page);
    expect(await authenticator.credentials()).toHaveLength(1);
    expect(await world.rooms.passkeys?.count(person.id)).toBe(1);

    // Conditional UI: the virtual authenticator answers as the person does who picks the passkey in the field.
    await anew(page);
    await arrived(page);
    const [used] = (await world.rooms.passkeys?.list(person.id)) ?? [];
    expect(used?.lastUsedAt).toBeGreaterThan(0);
  });
  expect(complaints).toEqual([]);
});
