/**
 * `npm run screenshots`: the whole sheet, every page in every language, light and dark, phone and desktop, into
 * build/screenshots/<language>/, and one contact sheet a language and look beside them. Arguments are languages, or
 * beginnings of pages' names: `npm run screenshots -- ar en-XA portal-`.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { installPackages, obtainBinaries } from '../harness/binaries.ts';
import { openChromium } from '../harness/chromium.ts';
import { servePages } from '../pages/serve-pages.ts';
import { desktop, openStage, phone } from './open-scene.ts';
import { enginePages, scenes } from './scenes.ts';
import { everyLocale } from './words.ts';

const out = join(import.meta.dirname, '../../build/screenshots');
const looks = [
  { look: 'phone-light', viewport: phone, colorScheme: 'light' },
  { look: 'phone-dark', viewport: phone, colorScheme: 'dark' },
  { look: 'desktop-light', viewport: desktop, colorScheme: 'light' },
  { look: 'desktop-dark', viewport: desktop, colorScheme: 'dark' },
] as const;
/** A contact sheet larger than this is no longer looked at, and Chromium draws no higher picture. */
const PAGES_A_SHEET = 24;

const asked = process.argv.slice(2);
const named = asked.filter((one) => !everyLocale.includes(one));
const locales = everyLocale.filter((one) => asked.length === named.length || asked.includes(one));
const wanted = scenes.filter(({ name }) => named.length === 0 || named.some((one) => name.startsWith(one)));

if (locales.includes('ja')) haveJapaneseLetters();
const found = obtainBinaries({ chromium: true });
if (!found) process.exit(1);
if (found.chromium) process.env.TEST_CHROMIUM = found.chromium;
const served = await servePages({ extra: enginePages });
const chrome = await openChromium();
let faults = 0;
try {
  for (const language of locales) {
    const dir = join(out, language);
    mkdirSync(dir, { recursive: true });
    const stage = await openStage({ chrome, served }, { language });
    for (const scene of wanted) {
      const complaints = await stage.show(scene, async (page) => {
        for (const { look, viewport, colorScheme } of looks) {
          await page.setViewportSize(viewport);
          await page.emulateMedia({ colorScheme });
          await page.screenshot({ path: join(dir, `${scene.name}-${look}.png`), fullPage: true });
          const width = await page.evaluate<number>('document.documentElement.scrollWidth');
          if (width > viewport.width) complain(language, scene.name, `is ${width} px wide on ${look}`);
        }
      });
      for (const complaint of complaints) complain(language, scene.name, complaint);
    }
    await stage.close();
    for (const { look, viewport } of looks) {
      await contactSheets(chrome, { dir, language, look, width: viewport.width });
    }
    console.log(`${language}: ${wanted.length} pages, ${looks.length} looks each`);
  }
} finally {
  await chrome.close();
  await served.close();
}
console.log(`${out}: ${faults} faults`);
process.exitCode = faults > 0 ? 1 : 0;

// Without a font every Japanese page is a row of boxes, which no check sees.
function haveJapaneseLetters(): void {
  const letters = () =>
    spawnSync('fc-list', [':lang=ja', 'file'], { encoding: 'utf8' }).stdout?.trim() !== '';
  if (letters() || (installPackages(['fonts-noto-cjk']) && letters())) return;
  console.error('ja: no font on this machine has its letters (Debian and Ubuntu: fonts-noto-cjk)');
}

function complain(language: string, page: string, what: string): void {
  faults += 1;
  console.error(`${language} ${page}: ${what}`);
}

async function contactSheets(
  browser: Browser,
  { dir, language, look, width }: { dir: string; language: string; look: string; width: number },
): Promise<void> {
  const shown = Math.min(width, 480);
  for (let at = 0; at < wanted.length; at += PAGES_A_SHEET) {
    const figures = wanted.slice(at, at + PAGES_A_SHEET).map(({ name }) => {
      const picture = readFileSync(join(dir, `${name}-${look}.png`)).toString('base64');
      return `<figure><figcaption>${name}</figcaption><img width="${shown}" src="data:image/png;base64,${picture}"></figure>`;
    });
    const file = join(dir, `sheet-${look}-${1 + at / PAGES_A_SHEET}`);
    writeFileSync(
      `${file}.html`,
      `<!doctype html><meta charset="utf-8"><title>${language} ${look}</title><style>body{margin:16px;background:#888;font:14px sans-serif;display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start}figure{margin:0}</style>${figures.join('')}`,
    );
    const page = await browser.newPage({ viewport: { width: 4 * (shown + 16) + 32, height: 900 } });
    await page.goto(`file://${file}.html`);
    await page.screenshot({ path: `${file}.png`, fullPage: true });
    await page.close();
  }
}
