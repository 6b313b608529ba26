/** Templates to HTML. Escaped by default; templates and texts are read and compiled once, at start. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Eta } from 'eta';
import type { Assets } from './assets.ts';
import type { BrandView } from './brand.ts';
import type { Languages } from './texts.ts';

/** Renders `views/pages/<name>.eta`, or `views/<folder>/…` for a name with its folder. `data` is seen as `it`; beside it stand `t`, `parts`, `has`, `time`, `date`, `asset`, `base`, `lang`, `dir`, `languages`, `brand`. */
export type RenderPage = (name: string, data: Readonly<Record<string, unknown>>, locale?: string) => string;

export interface Renderer {
  readonly renderPage: RenderPage;
}

export interface RendererOptions {
  /** Holds layouts/, pages/ and portal/. */
  readonly viewsDir: string;
  readonly languages: Languages;
  readonly brand: BrandView;
  readonly assets: Pick<Assets, 'url'>;
  /** The issuer's path, '' when none. */
  readonly base: string;
}

/** Template names are `@layouts/…`, `@pages/…` and `@portal/…`. @throws when a template cannot be read. */
export function createRenderer({ viewsDir, languages, brand, assets, base }: RendererOptions): Renderer {
  const eta = new Eta({
    autoEscape: true,
    autoTrim: [false, 'nl'],
    cache: true,
    useWith: false,
    escapeFunction: escapeHtml,
  });
  for (const folder of ['layouts', 'pages', 'portal']) {
    for (const file of readdirSync(join(viewsDir, folder))) {
      if (!file.endsWith('.eta')) continue;
      eta.loadTemplate(
        `@${folder}/${basename(file, '.eta')}`,
        readFileSync(join(viewsDir, folder, file), 'utf8'),
      );
    }
  }
  const choices = languages.locales.map((lang) => ({ lang, name: ownName(lang) }));
  return {
    renderPage(name, data, locale) {
      const { t, parts, has, time, date, lang, dir } = languages.textsIn(locale);
      const about = {
        t,
        parts,
        has,
        time,
        date,
        lang,
        dir,
        languages: choices,
        brand,
        asset: assets.url,
        base,
      };
      return eta.render(name.includes('/') ? `@${name}` : `@pages/${name}`, { ...about, ...data });
    },
  };
}

/** What a language calls itself, as it begins a sentence. */
function ownName(lang: string): string {
  const name = new Intl.DisplayNames([lang], { type: 'language' }).of(lang) ?? lang;
  const [first = '', ...rest] = name;
  return first.toLocaleUpperCase(lang) + rest.join('');
}

/** Safe in text and in quoted attributes. */
export function escapeHtml(value: unknown): string {
  if (value === undefined || value === null) return '';
  return String(value).replace(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);
}
