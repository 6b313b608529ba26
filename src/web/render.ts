/** Templates to HTML. Escaped by default; templates and texts are read and compiled once, at start. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Eta } from 'eta';
import type { Assets } from './assets.ts';
import { loadLanguages, type Texts } from './texts.ts';

/** Renders `views/pages/<name>.eta`, or `views/<folder>/…` for a name with its folder. `data` is seen as `it`; beside it stand `t`, `parts`, `has`, `asset`, `base`, `lang`, `dir`. */
export type RenderPage = (name: string, data: Readonly<Record<string, unknown>>, locale?: string) => string;

export interface Renderer {
  readonly renderPage: RenderPage;
  /** The same texts for code that builds a page's data. */
  readonly texts: Texts;
  /** The languages there are, the default first (BCP 47). */
  readonly locales: readonly string[];
  /** The texts of one of them. */
  textsIn(locale: string): Texts;
}

export interface RendererOptions {
  /** Holds layouts/, pages/, portal/ and locales/. */
  readonly viewsDir: string;
  readonly assets: Pick<Assets, 'url'>;
  /** The issuer's path, '' when none. */
  readonly base: string;
  readonly locale?: string;
}

/** Template names are `@layouts/…`, `@pages/…` and `@portal/…`. @throws when a template or the locale's file cannot be read. */
export function createRenderer({ viewsDir, assets, base, locale = 'en' }: RendererOptions): Renderer {
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
  const { locales, textsIn } = loadLanguages(join(viewsDir, 'locales'), locale);
  return {
    texts: textsIn(locale),
    textsIn,
    locales,
    renderPage(name, data, wanted = locale) {
      const { t, parts, has, lang, dir } = textsIn(wanted);
      return eta.render(name.includes('/') ? `@${name}` : `@pages/${name}`, {
        t,
        parts,
        has,
        lang,
        dir,
        asset: assets.url,
        base,
        ...data,
      });
    },
  };
}

/** Safe in text and in quoted attributes. */
export function escapeHtml(value: unknown): string {
  if (value === undefined || value === null) return '';
  return String(value).replace(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);
}
