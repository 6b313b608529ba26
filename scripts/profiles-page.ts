// Writes docs/profiles.md from the profile tables; with --check it only says whether the page is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { renderProfilesPage } from '../src/clients/profiles-page.ts';

const page = new URL('../docs/profiles.md', import.meta.url);
const rendered = renderProfilesPage();

if (!process.argv.includes('--check')) {
  writeFileSync(page, rendered);
} else if (readFileSync(page, 'utf8') !== rendered) {
  console.error('docs/profiles.md is stale: run npm run docs');
  process.exitCode = 1;
}
