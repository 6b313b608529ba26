/** Finds what a page shows by the key of its text, in whichever language the page speaks. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { PSEUDO_LOCALE } from '../../src/web/pseudo-locale.ts';
import { loadLanguages } from '../../src/web/texts.ts';

export const languages = loadLanguages(join(import.meta.dirname, '../../views/locales'));

/** Every language that a page can be looked at in; the pseudo-locale shows what was never translated. */
export const everyLocale: readonly string[] = [...languages.locales, PSEUDO_LOCALE];

async function wordOf(page: Page, key: string): Promise<string> {
  return languages.textsIn(await page.evaluate('document.documentElement.lang')).t(key);
}

export async function fill(page: Page, label: string, value: string): Promise<void> {
  await page.getByLabel(await wordOf(page, label), { exact: true }).fill(value);
}

export async function press(page: Page, button: string): Promise<void> {
  await page.getByRole('button', { name: await wordOf(page, button), exact: true }).click();
}

export async function headed(page: Page, heading: string): Promise<void> {
  await page.getByRole('heading', { name: await wordOf(page, heading), exact: true }).waitFor();
}

/** Waits for one of these texts. */
export async function said(page: Page, ...keys: readonly string[]): Promise<void> {
  const words = await Promise.all(keys.map((key) => wordOf(page, key)));
  await page
    .getByText(new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')))
    .waitFor();
}
