/** What pages say, by key, from one JSON file a language. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A piece of a sentence: `strong` pieces were put in for a {placeholder}. */
export interface TextPart {
  readonly text: string;
  readonly strong: boolean;
}

type Values = Readonly<Record<string, string | number>>;

export interface Texts {
  readonly lang: string;
  readonly dir: 'ltr' | 'rtl';
  /** The text with its {placeholders} filled in. A missing key throws: a page with a hole is a bug. */
  t(key: string, values?: Values): string;
  /** The same in pieces, so that a template can mark what was put in. */
  parts(key: string, values?: Values): readonly TextPart[];
  has(key: string): boolean;
}

/** The file holds `{ "lang", "dir", "texts": { "page.what": "…" } }`. */
export function loadTexts(file: string): Texts {
  const { lang, dir, texts } = JSON.parse(readFileSync(file, 'utf8')) as {
    lang: string;
    dir: 'ltr' | 'rtl';
    texts: Record<string, string>;
  };
  const known = new Map(Object.entries(texts));
  const find = (key: string): string => {
    const text = known.get(key);
    if (text === undefined) throw new RangeError(`There is no text "${key}".`);
    return text;
  };
  const parts = (key: string, values: Values = {}): readonly TextPart[] =>
    find(key)
      .split(/(\{\w+\})/)
      .filter((piece) => piece !== '')
      .map((piece) => {
        const name = /^\{(\w+)\}$/.exec(piece)?.[1];
        return name === undefined
          ? { text: piece, strong: false }
          : { text: String(values[name] ?? ''), strong: true };
      });
  return {
    lang,
    dir,
    t: (key, values) =>
      parts(key, values)
        .map(({ text }) => text)
        .join(''),
    parts,
    has: (key) => known.has(key),
  };
}

export interface Languages {
  /** The default first (BCP 47). */
  readonly locales: readonly string[];
  /** The default's for a language that there is not. */
  textsIn(locale: string | undefined): Texts;
}

/** Every file of the folder is a language. @throws when the default is not among them */
export function loadLanguages(dir: string, fallback = 'en'): Languages {
  const every = new Map(
    readdirSync(dir)
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map((file) => {
        const texts = loadTexts(join(dir, file));
        return [texts.lang, texts];
      }),
  );
  const first = every.get(fallback);
  if (!first) throw new RangeError(`There is no language "${fallback}".`);
  return {
    locales: [fallback, ...[...every.keys()].filter((one) => one !== fallback)],
    textsIn: (locale) => every.get(locale ?? fallback) ?? first,
  };
}
