/**
 * Sign-in, consent and sign-out in real Chromium against the real server: on phone and desktop, light and dark, with
 * and without JavaScript, by keyboard alone. The pictures are build output, to be looked at.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorizeQuery, openWorld, type World } from '../flows/world.ts';
import { openChromium } from '../harness/chromium.ts';
import { type Person, type SeededClient, seedApi, seedClient, seedPerson } from '../harness/seed.ts';
import { look, looks, startApp, tabTo, typeWhereFocused, withPage } from './journey.ts';

let world: World;
let chrome: Browser;
let app: Awaited<ReturnType<typeof startApp>>;
let client: SeededClient;

beforeAll(async () => {
  // The default of what one network may try on one account: the page of a locked account is met by trying.
  world = await openWorld('full', { CARDEA_LIMIT_SIGN_IN_PER_ACCOUNT_AND_NETWORK: '5/15m' });
  chrome = await openChromium();
  app = await startApp();
  await seedApi(world.rooms, 'https://api.example.com', {
    scopes: [{ name: 'orders:read', description: 'Read your orders' }],
  });
  client = await seedApp();
});
afterAll(async () => {
  await chrome?.close();
  app?.close();
  await world?.close();
});

/** A client of its own: its first consent is still to be asked for. */
const seedApp = () =>
  seedClient(world.rooms, {
    name: 'Orders',
    type: 'web',
    redirectUris: [app.callback, `${app.home}/in`],
    postLogoutRedirectUris: [`${app.home}/bye`],
  });
const asks = (of: SeededClient, change: Record<string, string> = {}) =>
  world.issuer +
  authorizeQuery(of, { redirect_uri: app.callback, scope: 'openid profile email orders:read', ...change });
const fill = async (page: Page, email: string, password: string) => {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
};
const arrived = async (page: Page) => {
  await page.waitForURL(`${app.home}/in?**`);
  return new URL(page.url()).searchParams;
};

test('the first administrator, by the one-time link, in the browser', { timeout: 60_000 }, async () => {
  const token = await world.rooms.setupLink.offer();
  const root = { email: 'root@example.com', password: 'seven quiet herons wade' };
  const complaints = await withPage(chrome, looks[0], async (page) => {
    await page.goto(`${world.issuer}/setup/${token}`);
    await look(page, 'setup-phone-light');
    await page.getByLabel('E-mail').fill(root.email);
    await page.getByLabel('Password', { exact: true }).fill(root.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'The administrator is ready' }).waitFor();
    await look(page, 'setup-done-phone-light');
    await page.getByRole('link', { name: 'Sign in', exact: true }).click();
    await fill(page, root.email, root.password);
    await page.getByText('For administrators').waitFor();
    for (const { look: name, viewport, colorScheme } of looks) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await look(page, `front-administrator-${name}`);
    }
    await page.goto(`${world.issuer}/setup/${token}`);
    await look(page, 'setup-gone-desktop-dark');
  });
  expect(complaints).toEqual([]);
});

test.each([true, false])(
  'a forgotten password by code and back to the app, with JavaScript %s',
  { timeout: 60_000 },
  async (javaScriptEnabled) => {
    const person = await seedPerson(world.rooms);
    const password = 'nine patient otters swim';
    const complaints = await withPage(chrome, { ...looks[0], javaScriptEnabled }, async (page) => {
      await page.goto(asks(client));
      await page.getByRole('link', { name: 'Forgot your password?' }).click();
      await typeWhereFocused(page, '#email', person.email);
      await page.keyboard.press('Enter');
      await page.locator('#code:focus').waitFor();
      const [mail] = await world.rooms.mail.box();
      expect(mail?.to).toBe(person.email);
      await typeWhereFocused(page, '#code', /\d{4} \d{4}/.exec(mail?.text ?? '')?.[0] ?? '');
      await page.keyboard.press('Enter');
      await typeWhereFocused(page, '#password', password);
      expect(new URL(page.url()).pathname).toBe('/link');
      await page.keyboard.press('Enter');
      await page.getByRole('link', { name: 'Sign in', exact: true }).click();
      await fill(page, person.email, password);
      await page.getByRole('button', { name: 'Allow' }).click();
      expect((await arrived(page)).get('code')).toMatch(/./);
    });
    expect(complaints).toEqual([]);
  },
);

describe('each page on phone and desktop, light and dark', () => {
  const shot = async (page: Page, what: string) => {
    for (const { look: name, viewport, colorScheme } of looks) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await look(page, `${what}-${name}`);
    }
  };

  test('sign-in, consent, the app, the front page, and out again', { timeout: 120_000 }, async () => {
    const mine = await seedApp();
    const complaints = await withPage(chrome, {}, async (page) => {
      await page.goto(asks(mine));
      const signInUrl = page.url();
      await shot(page, 'sign-in');
      await fill(page, world.person.email, 'not the password');
      await page.getByRole('alert').waitFor();
      await shot(page, 'sign-in-rejected');
      await page.getByLabel('Password', { exact: true }).fill(world.person.password);
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Allow' }).waitFor();
      await shot(page, 'consent');
      await page.getByRole('button', { name: 'Allow' }).click();
      expect((await arrived(page)).get('code')).toBeTruthy();

      await page.goto(signInUrl);
      await shot(page, 'stale');
      await page.getByRole('link', { name: 'Continue to Orders' }).click();
      expect((await arrived(page)).get('code')).toBeTruthy();

      await page.goto(asks(mine, { prompt: 'login' }));
      await shot(page, 'sign-in-again');
      await page.goto(`${world.issuer}/`);
      await shot(page, 'front-signed-in');
      const back = new URLSearchParams({
        client_id: mine.clientId,
        post_logout_redirect_uri: `${app.home}/bye`,
      });
      await page.goto(`${world.issuer}/oauth2/logout?${back}`);
      await shot(page, 'sign-out');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.waitForURL(`${app.home}/bye**`);
      await page.goto(`${world.issuer}/signed-out`);
      await shot(page, 'signed-out');
      await page.goto(`${world.issuer}/`);
      await shot(page, 'front');
      await page.goto(asks(mine, { redirect_uri: 'https://elsewhere.example/' }));
      await shot(page, 'error');
      await page.goto(`${world.issuer}/nowhere`);
      await shot(page, 'not-found');
    });
    expect(complaints).toEqual([]);
  });

  test('an account that is locked says so, and for how long', { timeout: 60_000 }, async () => {
    const person = await seedPerson(world.rooms);
    const complaints = await withPage(chrome, {}, async (page) => {
      await page.goto(asks(client));
      for (let tries = 0; tries < 5; tries += 1) {
        await fill(page, person.email, 'not the password');
        await page.getByRole('alert').waitFor();
      }
      await page.getByText('too many tries').waitFor();
      await page.getByText(/Try again in \d+ (seconds|minutes)/).waitFor();
      await shot(page, 'sign-in-locked');
    });
    expect(complaints).toEqual([]);
  });
});

describe.each([true, false])('with JavaScript %s', (javaScriptEnabled) => {
  const typeIn = async (page: Page, person: Person) => {
    await typeWhereFocused(page, '#email', person.email);
    await page.keyboard.press('Tab');
    await typeWhereFocused(page, '#password', person.password);
    await page.keyboard.press('Enter');
  };

  test('by keyboard alone: in, on to the app, and out', async () => {
    const mine = await seedApp();
    const complaints = await withPage(chrome, { javaScriptEnabled }, async (page) => {
      await page.goto(asks(mine));
      await typeIn(page, { ...world.person, password: 'not the password' });
      await page.getByText('don’t match').waitFor();
      await page.locator('.summary:focus').waitFor();
      await page.getByLabel('Password', { exact: true }).focus();
      await typeWhereFocused(page, '#password', world.person.password);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Allow Orders' }).waitFor();
      await tabTo(page, 'Allow');
      await page.keyboard.press('Enter');
      expect((await arrived(page)).get('code')).toBeTruthy();
      await page.goto(`${world.issuer}/`);
      await tabTo(page, 'Sign out');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'You’re signed out' }).waitFor();
      await tabTo(page, 'Go to the start page');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Sign-in service' }).waitFor();
    });
    expect(complaints).toEqual([]);
  });

  test('cancelling tells the app so', async () => {
    const complaints = await withPage(chrome, { javaScriptEnabled }, async (page) => {
      await page.goto(asks(client));
      await tabTo(page, 'Back to Orders');
      await page.keyboard.press('Enter');
      expect((await arrived(page)).get('error')).toBe('access_denied');
    });
    expect(complaints).toEqual([]);
  });

  test('form_post reaches the app', async () => {
    const complaints = await withPage(chrome, { javaScriptEnabled }, async (page) => {
      await page.goto(asks(await seedApp(), { response_mode: 'form_post' }));
      await typeIn(page, world.person);
      await page.getByRole('button', { name: 'Allow' }).click();
      if (!javaScriptEnabled) await page.getByRole('button', { name: 'Continue' }).click();
      await page.waitForURL(`${app.home}/in`);
    });
    expect(complaints).toEqual([]);
  });

  test('another person signs in where one is signed in: their account, their code, back in the app', async () => {
    const other = await seedPerson(world.rooms);
    const mine = await seedApp();
    const complaints = await withPage(chrome, { javaScriptEnabled }, async (page) => {
      await page.goto(asks(mine));
      await typeIn(page, world.person);
      await page.getByRole('link', { name: 'Use another account' }).click();
      await page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
      await typeIn(page, other);
      if (!javaScriptEnabled) {
        await page.getByRole('heading', { name: 'One moment' }).waitFor();
        await look(page, 'another-account-desktop-light');
        await page.getByRole('button', { name: 'Continue' }).click();
      }
      await page.getByText(other.email).waitFor();
      await page.getByRole('button', { name: 'Allow' }).click();
      expect((await arrived(page)).get('code')).toBeTruthy();
      await page.goto(`${world.issuer}/`);
      await page.getByText(other.email).waitFor();
    });
    expect(complaints).toEqual([]);
  });
});

test('an app’s form by POST finds the person signed in, although it comes from another site', async () => {
  const mine = await seedApp();
  await withPage(chrome, {}, async (page) => {
    await page.goto(asks(mine));
    await fill(page, world.person.email, world.person.password);
    await page.getByRole('button', { name: 'Allow' }).click();
    await arrived(page);
    const { origin, searchParams } = new URL(asks(mine, { state: 'by-post' }));
    const fields = [...searchParams]
      .map(([name, value]) => `<input name="${name}" value="${value}">`)
      .join('');
    await page.setContent(
      `<form method="post" action="${origin}/oauth2/authorize">${fields}<button>Go</button></form>`,
    );
    await page.getByRole('button', { name: 'Go' }).click();
    await page.waitForURL(`${app.home}/in?**by-post**`);
    expect((await arrived(page)).get('code')).toBeTruthy();
  });
});
