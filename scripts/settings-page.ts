// Writes docs/configuration.md from the definitions; with --check it only says whether the page is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { renderSettingsPage } from '../src/config/settings-page.ts';

const page = new URL('../docs/configuration.md', import.meta.url);
const rendered = renderSettingsPage();

if (!process.argv.includes('--check')) {
  writeFileSync(page, rendered);
} else if (readFileSync(page, 'utf8') !== rendered) {
  console.error('docs/configuration.md is stale: run npm run docs');
  process.exitCode = 1;
}
