/** A real Chromium against a whole Cardea, and the app that a sign-in comes back to. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';
import { faultsFoundByAxe } from './axe.ts';

/** Where pictures of the journeys are kept; a run that nobody looks at draws none. */
const shots = process.env.TEST_SHOTS;

export const looks = [
  { look: 'phone-light', viewport: { width: 360, height: 740 }, colorScheme: 'light' },
  { look: 'phone-dark', viewport: { width: 360, height: 740 }, colorScheme: 'dark' },
  { look: 'desktop-light', viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  { look: 'desktop-dark', viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
] as const;

/** An app on loopback whose callback, as is usual, redirects once more: to its own front end on another origin. */
export async function startApp(): Promise<{ callback: string; home: string; close(): void }> {
  const listen = async (answer: Parameters<typeof createServer>[1]): Promise<[string, Server]> => {
    const server = createServer(answer as never);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return [`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server];
  };
  const [home, front] = await listen((_, res) => res.end('<!doctype html><title>the app</title>'));
  const [origin, back] = await listen((req, res) => {
    const { search } = new URL(req.url ?? '', 'http://app');
    res.writeHead(302, { location: `${home}/in${search}` }).end();
  });
  const close = () => [front, back].forEach((server) => void server.close());
  return { callback: `${origin}/callback`, home, close };
}

/** Opens a window of its own and closes it. @returns what the browser complained about: refused loads, script errors. */
export async function withPage(
  chrome: Browser,
  options: BrowserContextOptions,
  use: (page: Page) => Promise<void>,
): Promise<string[]> {
  const complaints: string[] = [];
  const context = await chrome.newContext({ reducedMotion: 'reduce', ...options });
  try {
    const page = await context.newPage();
    // Fails where it hangs, well before the test as a whole does.
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => {
      // Chromium reports the status of the page itself, such as a 422, as an error.
      const expected = /^Failed to load resource: the server responded with a status of 4/.test(
        message.text(),
      );
      if (message.type() === 'error' && !expected) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await use(page);
  } finally {
    await context.close();
  }
  return complaints;
}

/**
 * Holds the page to what every page must be: no sideways scroll, nothing that axe finds. Axe costs a second a page and
 * looks at one of the four looks; hosted-pages.test.ts has it look at the dark and the wide ones. Keeps a picture where
 * `TEST_SHOTS` names a directory.
 */
export async function look(page: Page, name: string): Promise<void> {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
  const width = page.viewportSize()?.width ?? 0;
  expect(await page.evaluate('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(width);
  if (!name.includes('phone-light')) return;
  expect(await faultsFoundByAxe(page), name).toEqual([]);
}

/** Types like a person who looks before typing: the field that the page gives the focus to has it. */
export async function typeWhereFocused(page: Page, field: string, text: string): Promise<void> {
  // The browser gives an `autofocus` field its focus with the first picture, which may come after the load event.
  await page.locator(`${field}:focus`).waitFor();
  await page.keyboard.type(text);
}

/** Tabs until the control with these words has the focus: reachable by keyboard, in at most twelve steps. */
export async function tabTo(page: Page, words: string): Promise<void> {
  for (let presses = 0; presses < 12; presses += 1) {
    const at = await page.evaluate('document.activeElement.textContent.trim()');
    if (at === words) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`"${words}" cannot be reached by keyboard on ${page.url()}`);
}
