/** WCAG 2.2 success criterion 1.4.10, reflow: what 1280 px are at 400 % zoom. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

const NARROW = { width: 320, height: 640 } as const;

/** The page as it stands has nothing to scroll sideways to in 320 CSS px. Leaves it that wide. */
export async function expectFitsNarrow(page: Page): Promise<void> {
  await page.setViewportSize(NARROW);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(NARROW.width);
}
