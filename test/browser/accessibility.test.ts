/**
 * By the keyboard alone, in real Chromium: every control of a page is reached in the order in which it is read, is seen when
 * it is, and is not hidden by anything (WCAG 2.2, 2.1.1, 2.4.3, 2.4.7, 2.4.11); a refused form gives the focus to its
 * summary, whose entries lead to the fields (3.3.1); nothing moves where motion is not wanted (2.3.3).
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChromium } from '../harness/chromium.ts';
import { type ServedPages, servePages } from '../pages/serve-pages.ts';
import { desktop, openScene, phone } from './open-scene.ts';
import { enginePages, type Scene, scenes } from './scenes.ts';

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

function sceneOf(name: string): Scene {
  const scene = scenes.find((one) => one.name === name);
  if (!scene) throw new Error(`no scene ${name}`);
  return scene;
}

/** What can be had by Tab, in the order of the document; one a group of radio buttons. */
const TABBABLE = `
  [...document.querySelectorAll('a[href],button,input,select,textarea,[tabindex="0"],summary')].filter((one) =>
    !one.disabled && one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }) && one.type !== 'hidden')`;

/** The focused one: its place among them, and what is wrong with how it is seen. */
const FOCUSED = `(() => {
  const at = document.activeElement;
  if (!at || at === document.body) return undefined;
  const box = at.getBoundingClientRect();
  const style = getComputedStyle(at);
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const [x, y] = [box.left + box.width / 2, box.top + Math.min(box.height / 2, 10)];
  const top = document.elementFromPoint(x, y);
  const seen = y >= 0 && y <= innerHeight && top && (at.contains(top) || top.contains(at) || top.closest('label')?.control === at);
  return { place: (${TABBABLE}).indexOf(at), what: at.outerHTML.slice(0, 120), ring, seen: Boolean(seen) };
})()`;

interface Focused {
  readonly place: number;
  readonly what: string;
  readonly ring: boolean;
  readonly seen: boolean;
}

async function walk(page: Page): Promise<readonly Focused[]> {
  const walked: Focused[] = [];
  const first = (await page.evaluate(FOCUSED)) as Focused | undefined;
  if (first && first.place >= 0) walked.push(first);
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press('Tab');
    // A row that scrolls brings its focused entry into sight with the next picture.
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    const now = (await page.evaluate(FOCUSED)) as Focused | undefined;
    if (!now || now.place <= (walked.at(-1)?.place ?? -1)) break;
    walked.push(now);
  }
  return walked;
}

test.each([
  ['sign-in', phone],
  ['consent', phone],
  ['second-factor', phone],
  ['portal-overview', desktop],
  ['portal-profile', phone],
  ['portal-devices', desktop],
  ['portal-two-step', phone],
] as const)(
  '%s: every control is reached in order, and seen',
  { timeout: 60_000 },
  async (name, viewport) => {
    await openScene({ served, chrome }, sceneOf(name), { viewport }, async (page) => {
      const all = (await page.evaluate(`(${TABBABLE}).length`)) as number;
      // A page may begin at its first field; what stands before it is reached with Shift.
      const start = (await page.evaluate(FOCUSED)) as Focused | undefined;
      const walked = await walk(page);
      expect(walked.map(({ place }) => place)).toEqual(
        Array.from({ length: all - (start?.place ?? 0) }, (_, n) => n + (start?.place ?? 0)),
      );
      expect(walked.filter(({ ring, seen }) => !ring || !seen)).toEqual([]);
    });
  },
);

test('one’s profile by the keyboard: the fault has the focus, leads to its field, and what was typed is kept', {
  timeout: 60_000,
}, async () => {
  await openScene({ served, chrome }, sceneOf('portal-profile'), { viewport: phone }, async (page) => {
    const at = () =>
      page.evaluate('document.activeElement.id || document.activeElement.getAttribute("role")');
    for (let presses = 0; presses < 60 && (await at()) !== 'birthdate'; presses += 1) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('27 May');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await expect.poll(at).toBe('alert');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(at).toBe('birthdate');
    expect(await page.locator('#birthdate').inputValue()).toBe('27 May');
    expect(await page.locator('#birthdate').getAttribute('aria-invalid')).toBe('true');
  });
});

test('motion is short, and none where it is not wanted', { timeout: 60_000 }, async () => {
  const longest = `Math.max(...[...document.querySelectorAll('*')].flatMap((one) => {
    const { transitionDuration, animationDuration, animationName } = getComputedStyle(one);
    return [...transitionDuration.split(','), ...(animationName === 'none' ? [] : animationDuration.split(','))];
  }).map(parseFloat))`;
  for (const name of ['sign-in', 'portal-overview']) {
    await openScene({ served, chrome }, sceneOf(name), {}, async (page) => {
      expect(await page.evaluate(longest), name).toBe(0);
      expect(await page.evaluate('getComputedStyle(document.documentElement).scrollBehavior')).toBe('auto');
      await page.emulateMedia({ reducedMotion: 'no-preference' });
      expect(await page.evaluate(longest), name).toBeLessThanOrEqual(0.15);
    });
  }
});
