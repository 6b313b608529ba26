// Writes docs/configuration.md and docs/lifetimes.md from the definitions; with --check it only says whether one is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { renderLifetimesPage } from '../src/config/lifetimes-page.ts';
import { renderSettingsPage } from '../src/config/settings-page.ts';

const pages = [
  ['docs/configuration.md', renderSettingsPage()],
  ['docs/lifetimes.md', renderLifetimesPage()],
] as const;

for (const [name, rendered] of pages) {
  const page = new URL(`../${name}`, import.meta.url);
  if (!process.argv.includes('--check')) {
    writeFileSync(page, rendered);
  } else if (readFileSync(page, 'utf8') !== rendered) {
    console.error(`${name} is stale: run npm run docs`);
    process.exitCode = 1;
  }
}
