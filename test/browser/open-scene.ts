/** Opens one page in one state, as a person with this width, this colour scheme and this language sees it. */
import type { Browser, Page } from 'playwright-core';
import { SESSION_COOKIE, UID_COOKIE } from '../pages/fake-front-door.ts';
import type { ServedPages } from '../pages/serve-pages.ts';
import { arrange, type Scene, UID } from './scenes.ts';

export const phone = { width: 360, height: 740 } as const;
export const desktop = { width: 1280, height: 800 } as const;

export interface Opening {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: 'light' | 'dark';
  readonly javaScriptEnabled?: boolean;
  /** As if the person had chosen it at the foot of a page. */
  readonly language?: string;
}

/** @returns what the browser complained about: refused loads, script errors. */
export async function openScene(
  { chrome, served }: { chrome: Browser; served: ServedPages },
  scene: Scene,
  { language, ...options }: Opening,
  use: (page: Page) => Promise<void>,
  prepare: (page: Page) => Promise<void> = async () => undefined,
): Promise<string[]> {
  arrange(served, scene);
  const context = await chrome.newContext({ reducedMotion: 'reduce', ...options });
  const complaints: string[] = [];
  try {
    const cookie = { url: served.origin, httpOnly: true };
    await context.addCookies([{ ...cookie, name: UID_COOKIE, value: UID }]);
    if (language) await context.addCookies([{ ...cookie, name: 'cardea.language', value: language }]);
    if (scene.session) await context.addCookies([{ ...cookie, name: SESSION_COOKIE, value: scene.session }]);
    const page = await context.newPage();
    page.on('console', (message) => {
      // Chromium reports the status of the page itself, such as a 422, as an error.
      const expected = message
        .text()
        .startsWith('Failed to load resource: the server responded with a status of 4');
      if (message.type() === 'error' && !expected) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await prepare(page);
    await page.goto(served.origin + scene.path);
    await scene.act?.(page);
    await use(page);
  } finally {
    await context.close();
  }
  return complaints;
}
