/**
 * `npm run languages`: every language says what English says, with the same placeholders, in all of its plural forms;
 * and says nothing that no page says any more.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readTemplateFiles } from '../src/mail/template-files.ts';
import { lintTemplates } from '../src/mail/template-lint.ts';
import { type LanguageFile, readLanguageFile, type TextEntry } from '../src/web/texts.ts';

/** Texts that are the same in another language, by their keys: names and what is a word there too. */
type Same = Readonly<Record<string, readonly string[]>>;

/** @returns one sentence a fault, which begins with the language */
export function languageFaults(
  base: LanguageFile,
  other: LanguageFile,
  same: readonly string[] = [],
): string[] {
  const faults: string[] = [];
  const categories = new Intl.PluralRules(other.lang).resolvedOptions().pluralCategories;
  for (const [key, said] of Object.entries(base.texts)) {
    const entry = other.texts[key];
    if (entry === undefined) {
      faults.push(`has no ${key}`);
      continue;
    }
    const [wanted, found] = [placeholders(said), placeholders(entry)];
    if (wanted.join() !== found.join())
      faults.push(`${key} has {${found.join('} {')}} instead of {${wanted.join('} {')}}`);
    if (typeof said === 'object') {
      const missing = categories.filter(
        (category) => typeof entry === 'string' || entry[category] === undefined,
      );
      if (missing.length > 0) faults.push(`${key} lacks its forms for ${missing.join(', ')}`);
    }
    if (
      other.lang !== base.lang &&
      JSON.stringify(entry) === JSON.stringify(said) &&
      /\p{L}{3}/u.test(JSON.stringify(said)) &&
      !same.includes(key)
    ) {
      faults.push(`${key} is not translated`);
    }
  }
  for (const key of Object.keys(other.texts))
    if (base.texts[key] === undefined) faults.push(`says ${key}, which English does not`);
  return faults.map((fault) => `${other.lang}: ${fault}`);
}

/** Keys that are put together from two variables: the kind of a right and its name. */
const COMPOSED = /^(?:scope|claim|mail)\./;

/** Keys of the base language that stand nowhere in templates and code, whole or by a beginning that something is put behind. */
export function unsaidKeys(base: LanguageFile, sources: string): string[] {
  return Object.keys(base.texts).filter((key) => {
    if (COMPOSED.test(key) || sources.includes(`'${key}'`)) return false;
    const parts = key.split('.');
    return !parts.some((_, at) => {
      const beginning = `${parts.slice(0, at).join('.')}.`;
      return at > 0 && (sources.includes(`${beginning}\${`) || sources.includes(`${beginning}'`));
    });
  });
}

function placeholders(entry: TextEntry): string[] {
  const all = typeof entry === 'string' ? entry : Object.values(entry).join(' ');
  return [...new Set([...all.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ''))].sort();
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return entry.name === 'locales' ? [] : filesBelow(path);
    return /\.(ts|eta|js)$/.test(entry.name) ? [path] : [];
  });
}

export function allFaults(root: string): string[] {
  const dir = join(root, 'views/locales');
  const languages = readdirSync(dir)
    .filter((file) => file.endsWith('.json'))
    .map((file) => readLanguageFile(join(dir, file)));
  const base = languages.find(({ lang }) => lang === 'en');
  if (!base) return ['en: is not there'];
  const same = JSON.parse(readFileSync(join(root, 'scripts/same-in-languages.json'), 'utf8')) as Same;
  const sources = [...filesBelow(join(root, 'src')), ...filesBelow(join(root, 'views'))]
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  return [
    ...languages.flatMap((one) => languageFaults(base, one, same[one.lang])),
    ...unsaidKeys(base, sources).map((key) => `en: nothing says ${key}`),
    ...lintTemplates(readTemplateFiles(join(root, 'views/mail')), languages),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const faults = allFaults(join(import.meta.dirname, '..'));
  for (const fault of faults) console.error(fault);
  console.log(`languages: ${faults.length} faults`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
