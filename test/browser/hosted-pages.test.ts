/**
 * Every page in real Chromium: English in light on a phone, Arabic in dark on a desktop. axe finds nothing, nothing scrolls
 * sideways, nothing breaks the policy. `npm run screenshots` makes the pictures of all looks and languages.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openChromium } from '../harness/chromium.ts';
import { RIGHT_CODE } from '../pages/fake-mailed.ts';
import { type ServedPages, servePages } from '../pages/serve-pages.ts';
import { faultsFoundByAxe } from './axe.ts';
import { typeWhereFocused } from './journey.ts';
import { expectFitsNarrow } from './narrow.ts';
import { desktop, type Opening, openScene, openStage, phone, type Stage } from './open-scene.ts';
import { enginePages, type Scene, scenes, UID } from './scenes.ts';

let served: ServedPages;
let chrome: Browser;
beforeAll(async () => {
  served = await servePages({ extra: enginePages });
  chrome = await openChromium();
});
afterAll(async () => {
  await chrome?.close();
  await served?.close();
});

const open = (
  scene: Scene,
  options: Opening,
  use: (page: Page) => Promise<void>,
  prepare?: (page: Page) => Promise<void>,
) => openScene({ served, chrome }, scene, options, use, prepare);

/** English on a phone in light; Arabic, from right to left, on a desktop in dark: two of all looks that see both of each. */
const looks = [
  { language: 'en', viewport: phone, other: desktop, colorScheme: 'light' },
  { language: 'ar', viewport: desktop, other: phone, colorScheme: 'dark' },
] as const;

describe('every page', () => {
  const stages: { look: (typeof looks)[number]; stage: Stage }[] = [];
  beforeAll(async () => {
    for (const look of looks) {
      const { other: _, ...opening } = look;
      stages.push({ look, stage: await openStage({ served, chrome }, opening) });
    }
  });
  afterAll(async () => {
    for (const { stage } of stages) await stage.close();
  });

  test.each(scenes)('$name', { timeout: 60_000 }, async (scene) => {
    for (const { look, stage } of stages) {
      const complaints = await stage.show(scene, async (page) => {
        expect(await page.evaluate('document.documentElement.lang')).toBe(look.language);
        expect(await faultsFoundByAxe(page)).toEqual([]);
        for (const viewport of [look.viewport, look.other]) {
          await page.setViewportSize(viewport);
          expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(
            viewport.width,
          );
        }
        await expectFitsNarrow(page);
      });
      expect(complaints).toEqual([]);
    }
  });
});

const signInScene: Scene = { name: 'sign-in', path: `/interaction/${UID}` };

/** A client whose callback, as is usual, redirects once more: to its own front end on another origin. */
async function startClient(): Promise<{ callback: string; home: string; close(): void }> {
  const listen = async (answer: Parameters<typeof createServer>[1]): Promise<[string, Server]> => {
    const server = createServer(answer as never);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return [`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server];
  };
  const [home, front] = await listen((_, res) => res.end('<!doctype html><title>the app</title>'));
  const [callback, back] = await listen((_, res) => res.writeHead(302, { location: `${home}/in` }).end());
  return { callback, home, close: () => [front, back].forEach((server) => void server.close()) };
}

test.each([true, false])(
  'signing in by keyboard with JavaScript %s ends in the app',
  async (javaScriptEnabled) => {
    const client = await startClient();
    const account = { id: 'ada-1', passwordVersion: 1 };
    const redirectUris = [`${client.callback}/callback`, `${client.home}/other`];
    const scene: Scene = {
      ...signInScene,
      visit: { redirectOrigin: client.callback, client: { clientId: 'local', name: 'Local', redirectUris } },
      arrange: (front) => {
        front.outcome = { kind: 'signed-in', account, amr: ['pwd'], at: 1_000 };
      },
    };
    const complaints = await open(scene, { javaScriptEnabled }, async (page) => {
      await typeWhereFocused(page, '#email', 'ada@example.com');
      await page.keyboard.press('Tab');
      await typeWhereFocused(page, '#password', 'a long password');
      await page.keyboard.press('Enter');
      await page.waitForURL(`${client.home}/in`);
    });
    client.close();
    // The browser sent the page's real origin although the header says no-referrer: else this would have been a 403.
    expect(complaints).toEqual([]);
  },
);

test.each([
  ['with JavaScript the browser does it by itself', true],
  ['without JavaScript a mailed code does', false],
])('under pressure a stranger proves something first: %s', async (_, javaScriptEnabled) => {
  const client = await startClient();
  const scene: Scene = {
    ...signInScene,
    visit: {
      redirectOrigin: client.callback,
      client: {
        clientId: 'local',
        name: 'Local',
        redirectUris: [`${client.callback}/callback`, `${client.home}/in`],
      },
    },
    arrange: (front) => {
      front.demand = { pressure: 0, retryAfterSeconds: 600 };
      front.outcome = {
        kind: 'signed-in',
        account: { id: 'ada-1', passwordVersion: 1 },
        amr: ['pwd'],
        at: 1_000,
      };
    },
  };
  const renewals: string[] = [];
  const complaints = await open(
    scene,
    { javaScriptEnabled },
    async (page) => {
      await page.getByLabel('E-mail').fill('ada@example.com');
      if (javaScriptEnabled) {
        expect(await page.getByRole('button', { name: 'Get a code to go on' }).isVisible()).toBe(false);
        // The page was open for longer than a challenge lives: another one is fetched, and what was typed stays.
        await page.clock.fastForward(300_000);
      } else {
        await page.getByRole('button', { name: 'Get a code to go on' }).click();
        await page.getByLabel('Code from the e-mail').fill(RIGHT_CODE);
      }
      await page.getByLabel('Password', { exact: true }).fill('a long password');
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL(`${client.home}/in`);
    },
    async (page) => {
      page.on('request', (request) => request.url().endsWith('/proof') && renewals.push(request.url()));
      if (javaScriptEnabled) await page.clock.install();
    },
  );
  client.close();
  expect(complaints).toEqual([]);
  expect(renewals.length).toBe(javaScriptEnabled ? 1 : 0);
});

test('the whole page can be used by keyboard, in the order in which it is read', async () => {
  await open(signInScene, {}, async (page) => {
    await page.locator('#email:focus').waitFor();
    const seen: string[] = [];
    for (let presses = 0; presses < 9; presses++) {
      seen.push(
        await page.evaluate('document.activeElement.id || document.activeElement.textContent.trim()'),
      );
      await page.keyboard.press('Tab');
    }
    expect(seen).toEqual([
      'email',
      'password',
      'Show',
      'remember',
      'Sign in',
      'E-mail me a code',
      'Forgot your password?',
      'Sign in with a passkey',
      'Back to Orders',
    ]);
  });
});

test('after a refusal the summary has the focus, the e-mail is kept and the password is not', async () => {
  const scene = scenes.find(({ name }) => name === 'sign-in-rejected');
  expect(scene).toBeDefined();
  if (!scene) return;
  await open(scene, {}, async (page) => {
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('alert');
    expect(await page.getByLabel('E-mail').inputValue()).toBe('ada@example.com');
    expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe('');
  });
});

test('the password can be shown, and is hidden again when it is sent', async () => {
  await open(signInScene, {}, async (page) => {
    const field = page.getByLabel('Password', { exact: true });
    await field.fill('a long password');
    await page.getByRole('button', { name: 'Show the password' }).click();
    expect(await field.getAttribute('type')).toBe('text');
    await page.getByRole('button', { name: 'Show the password' }).click();
    expect(await field.getAttribute('type')).toBe('password');
  });
});

test('form_post sends itself, even with a field called submit', async () => {
  await open({ name: 'form-post', path: '/t/form-post' }, {}, async (page) => {
    await page.waitForURL('**/t/received');
  });
});

test('form_post without JavaScript: Continue sends it', async () => {
  await open({ name: 'form-post', path: '/t/form-post' }, { javaScriptEnabled: false }, async (page) => {
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL('**/t/received');
  });
});

test('D6 a client’s logo is loaded from its own address, and says nothing about where it is shown', async () => {
  const logoUri = 'https://orders.example/logo.svg';
  const asked: Record<string, string>[] = [];
  const scene: Scene = { ...signInScene, visit: { client: { clientId: 'orders', name: 'Orders', logoUri } } };
  const complaints = await open(
    scene,
    {},
    async (page) => {
      expect(await page.evaluate('document.querySelector(".client-logo").naturalWidth')).toBe(40);
    },
    async (page) => {
      await page.route(logoUri, async (route) => {
        asked.push(await route.request().allHeaders());
        const body =
          '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="14" fill="#d9480f"/></svg>';
        await route.fulfill({ contentType: 'image/svg+xml', body });
      });
    },
  );
  expect(complaints).toEqual([]);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.referer).toBeUndefined();
});

test('at 200 % zoom on a small window nothing scrolls sideways', async () => {
  await open(signInScene, { viewport: { width: 320, height: 480 } }, async (page) => {
    await page.evaluate('document.documentElement.style.fontSize = "200%"');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
  });
});
