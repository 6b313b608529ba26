/**
 * Passkeys in real Chromium with a virtual authenticator, against the real server: offered after a password and after
 * another device's passkey, used from the field and by the button, kept in the portal; a sign-up with one; and the same pages
 * whole without JavaScript.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorizeQuery, openWorld, type World } from '../flows/world.ts';
import { openChromium } from '../harness/chromium.ts';
import { type SeededClient, seedClient, seedPerson } from '../harness/seed.ts';
import { look, looks, startApp, withPage } from './journey.ts';
import { addAuthenticator } from './virtual-authenticator.ts';
import { fill as fillIn, press, said } from './words.ts';

let world: World;
let chrome: Browser;
let app: Awaited<ReturnType<typeof startApp>>;
let client: SeededClient;

beforeAll(async () => {
  world = await openWorld('full', { CARDEA_SIGN_UP: 'open' });
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
    await page.getByRole('button', { name: 'Create the passkey' }).click();
    await page.getByText('This device has a passkey for your account already.').waitFor();
    await device.remove();
    const key = await addAuthenticator(page, { transport: 'usb' });
    await page.getByLabel('Name').fill('Key ring');
    await page.getByRole('button', { name: 'Create the passkey' }).click();
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

test('a passkey of another device, used through this one: one of its own is offered, left for now, then added', {
  timeout: 60_000,
}, async () => {
  const person = await seedPerson(world.rooms);
  const complaints = await withPage(chrome, looks[0], async (page) => {
    const phone = await addAuthenticator(page, { transport: 'hybrid' });
    await page.goto(asks());
    await fill(page, person.email, person.password);
    await arrived(page);
    await page.goto(`${world.issuer}/account/passkeys/new`);
    await page.getByRole('button', { name: 'Create the passkey' }).click();
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

    await page.context().clearCookies({ name: /passkey-offer|session|interaction|resume/ });
    await page.goto(asks());
    await page.getByText('You signed in with a passkey from another device').waitFor();
    await phone.remove();
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await arrived(page);
    expect(await keys(person.id)).toHaveLength(2);
  });
  expect(complaints).toEqual([]);
});

/** The newest mail to that address, as its reader has it. */
async function mailTo(email: string): Promise<{ code: string; link: string }> {
  const text = (await world.rooms.mail.box()).find(({ to }) => to === email)?.text ?? '';
  return {
    code: /\b\d{4} \d{4}\b/.exec(text)?.[0] ?? '',
    link: /http\S+\/link\/\S+/.exec(text)?.[0] ?? '',
  };
}

const titled = (page: Page, name: string) => page.getByRole('heading', { name, exact: true }).waitFor();

/** Address and code, up to the page where the account is made. */
async function proveAddress(page: Page, email: string): Promise<void> {
  await page.goto(asks({ prompt: 'create' }));
  await fillIn(page, 'form.email', email);
  await press(page, 'signUp.button');
  await titled(page, 'Check your e-mail');
  await fillIn(page, 'signUpCode.label', (await mailTo(email)).code);
  await press(page, 'signUp.button');
  await titled(page, 'Almost done');
}

test('signing up with a passkey: refused by the device it changes nothing; then it is the way in', {
  timeout: 90_000,
}, async () => {
  const email = 'grace@example.com';
  const complaints = await withPage(chrome, looks[0], async (page) => {
    const device = await addAuthenticator(page);
    await proveAddress(page, email);
    await page.getByRole('button', { name: 'Create a passkey' }).waitFor();
    await look(page, 'sign-up-account-phone-light');
    await fillIn(page, 'form.password', 'grace-example-1');
    await said(page, 'strength.known', 'strength.weak');
    await fillIn(page, 'form.password', '');
    await page.getByLabel('Name').fill('Grace');
    await device.knows(false);
    await press(page, 'signUpAccount.passkey');
    await said(page, 'signUpAccount.notMade');
    expect(await world.rooms.accounts.findByEmail(email)).toBeUndefined();
    await device.knows(true);
    await press(page, 'signUpAccount.passkey');
    await arrived(page);
    const account = await world.rooms.accounts.findByEmail(email);
    expect(account?.profile.name).toBe('Grace');
    expect(await keys(account?.id ?? '')).toHaveLength(1);
    expect(await device.credentials()).toHaveLength(1);
    await signOut(page);
    await page.goto(asks());
    await arrived(page);
  });
  expect(complaints).toEqual([]);
});

test('an invitation by its link: the account has its roles and a passkey, which signs in', {
  timeout: 60_000,
}, async () => {
  const email = 'clerk@example.com';
  const roles = [{ role: 'administrator', audience: 'cardea' }];
  await world.rooms.invitations.create({ email, roles }, { actor: { kind: 'operator' } });
  const complaints = await withPage(chrome, looks[0], async (page) => {
    await addAuthenticator(page);
    await page.goto((await mailTo(email)).link);
    await titled(page, 'Almost done');
    await press(page, 'signUpAccount.passkey');
    await titled(page, 'Your account is ready');
    const account = await world.rooms.accounts.findByEmail(email);
    expect(await world.rooms.roles.ofAccount(account?.id ?? '')).toEqual(roles);
    await page.goto(asks());
    await arrived(page);
  });
  expect(complaints).toEqual([]);
});

test.each([true, false])(
  'signing up with a password, JavaScript: %s',
  { timeout: 60_000 },
  async (script) => {
    const email = `hopper-${script}@example.com`;
    const complaints = await withPage(chrome, { ...looks[0], javaScriptEnabled: script }, async (page) => {
      await proveAddress(page, email);
      const button = page.getByRole('button', { name: 'Create a passkey' });
      expect(await button.isVisible()).toBe(script);
      await fillIn(page, 'form.password', 'an umbrella in november');
      if (script) await said(page, 'strength.fair', 'strength.good');
      await press(page, 'signUpAccount.button');
      await arrived(page);
      expect(await world.rooms.accounts.findByEmail(email)).toMatchObject({ passwordVersion: 1 });
    });
    expect(complaints).toEqual([]);
  },
);

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
