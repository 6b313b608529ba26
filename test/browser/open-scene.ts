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

interface Backdrop {
  readonly chrome: Browser;
  readonly served: ServedPages;
}

/** One window in which scene after scene is shown. */
export interface Stage {
  /**
   * Opens the scene as a person who has never been here: no cookie of the scene before is left.
   * @param prepare what the window is told before it goes there
   * @returns what the browser complained about: refused loads, script errors
   */
  show(
    scene: Scene,
    use: (page: Page) => Promise<void>,
    prepare?: (page: Page) => Promise<void>,
  ): Promise<string[]>;
  close(): Promise<void>;
}

/** A window costs Chromium a third of a second of work, a page in it a tenth: what looks at many scenes keeps one. */
export async function openStage(
  { chrome, served }: Backdrop,
  { language, ...options }: Opening,
): Promise<Stage> {
  const context = await chrome.newContext({ reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  let complaints: string[] = [];
  page.on('console', (message) => {
    // Chromium reports the status of the page itself, such as a 422, as an error.
    const expected = message
      .text()
      .startsWith('Failed to load resource: the server responded with a status of 4');
    if (message.type() === 'error' && !expected) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return {
    async show(scene, use, prepare) {
      arrange(served, scene);
      complaints = [];
      await context.clearCookies();
      const cookie = { url: served.origin, httpOnly: true };
      await context.addCookies([
        { ...cookie, name: UID_COOKIE, value: UID },
        ...(language ? [{ ...cookie, name: 'cardea.language', value: language }] : []),
        ...(scene.isBack ? [{ ...cookie, name: 'cardea.upstream', value: 'back' }] : []),
        ...(scene.session ? [{ ...cookie, name: SESSION_COOKIE, value: scene.session }] : []),
      ]);
      if (options.viewport) await page.setViewportSize(options.viewport);
      await prepare?.(page);
      await page.goto(served.origin + scene.path);
      await scene.act?.(page);
      await use(page);
      return complaints;
    },
    close: () => context.close(),
  };
}

/** One scene in a window of its own. @returns as {@link Stage.show} */
export async function openScene(
  backdrop: Backdrop,
  scene: Scene,
  opening: Opening,
  use: (page: Page) => Promise<void>,
  prepare?: (page: Page) => Promise<void>,
): Promise<string[]> {
  const stage = await openStage(backdrop, opening);
  try {
    return await stage.show(scene, use, prepare);
  } finally {
    await stage.close();
  }
}
