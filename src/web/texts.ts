/**
 * What pages say, by key, from one JSON file a language. A text with a number in it may have a form for each plural
 * category of its language (Unicode CLDR; `Intl.PluralRules`).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PSEUDO_LOCALE, pseudoText } from './pseudo-locale.ts';

/** A piece of a sentence: `strong` pieces were put in for a {placeholder}. */
export interface TextPart {
  readonly text: string;
  readonly strong: boolean;
}

/** A list stands as alternatives, as the language writes them: "a, b or c". */
type Values = Readonly<Record<string, string | number | readonly string[]>>;

/** One text, or one for each plural category; the first number among the values decides. */
export type TextEntry = string | Readonly<Record<string, string>>;

/** `{ "lang", "dir", "texts": { "page.what": "…" } }`. */
export interface LanguageFile {
  /** BCP 47. */
  readonly lang: string;
  readonly dir: 'ltr' | 'rtl';
  readonly texts: Readonly<Record<string, TextEntry>>;
}

export interface Texts {
  readonly lang: string;
  readonly dir: 'ltr' | 'rtl';
  /**
   * The text with its {placeholders} filled in; numbers as the language writes them. A key that no language has throws:
   * a page with a hole is a bug.
   */
  t(key: string, values?: Values): string;
  /** The same in pieces, so that a template can mark what was put in. */
  parts(key: string, values?: Values): readonly TextPart[];
  has(key: string): boolean;
  /** `at` in ms; day and month cannot be taken for each other in any language. UTC unless a time zone is named. */
  time(at: number, timeZone?: string): string;
  date(at: number, timeZone?: string): string;
}

export interface Languages {
  /** The default first (BCP 47); without the pseudo-locale. */
  readonly locales: readonly string[];
  /** As they were read. */
  readonly files: readonly LanguageFile[];
  /** The default's for a language that there is not. */
  textsIn(locale: string | undefined): Texts;
}

export function readLanguageFile(file: string): LanguageFile {
  return JSON.parse(readFileSync(file, 'utf8')) as LanguageFile;
}

/** Every file of the folder is a language. @throws when the default is not among them */
export function loadLanguages(dir: string, fallback = 'en'): Languages {
  const files = readdirSync(dir)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => readLanguageFile(join(dir, file)));
  const base = files.find(({ lang }) => lang === fallback);
  if (!base) throw new RangeError(`There is no language "${fallback}".`);
  const first = createTexts(base);
  const every = new Map(files.map((file) => [file.lang, file === base ? first : createTexts(file, first)]));
  every.set(PSEUDO_LOCALE, createTexts(pseudoOf(base)));
  const others = files.map(({ lang }) => lang).filter((lang) => lang !== fallback);
  return {
    locales: [fallback, ...others],
    files,
    textsIn: (locale = fallback) => every.get(locale) ?? first,
  };
}

const day = { day: 'numeric', month: 'long', year: 'numeric' } as const;
const hour = { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const;

/** @param fallback says what this language does not say yet */
export function createTexts({ lang, dir, texts }: LanguageFile, fallback?: Texts): Texts {
  const known = new Map(Object.entries(texts));
  const plurals = new Intl.PluralRules(lang);
  const numbers = new Intl.NumberFormat(lang);

  // British English: a day stands before its month, and noon is 12:00.
  const region = lang === 'en' ? 'en-GB' : lang;
  const lists = new Intl.ListFormat(region, { type: 'disjunction' });
  const format = (at: number, options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(region, options).format(at);

  const formOf = (entry: TextEntry, values: Values): string => {
    if (typeof entry === 'string') return entry;
    const number = Object.values(values).find((value) => typeof value === 'number');
    return entry[plurals.select(Number(number ?? 0))] ?? entry.other ?? '';
  };

  const parts: Texts['parts'] = (key, values = {}) => {
    const entry = known.get(key);
    if (entry === undefined) {
      if (fallback) return fallback.parts(key, values);
      throw new RangeError(`There is no text "${key}".`);
    }
    return formOf(entry, values)
      .split(/(\{\w+\})/)
      .filter((piece) => piece !== '')
      .flatMap((piece) => {
        const name = /^\{(\w+)\}$/.exec(piece)?.[1];
        if (name === undefined) return [{ text: piece, strong: false }];
        const value = values[name] ?? '';
        if (typeof value === 'number') return [{ text: numbers.format(value), strong: true }];
        if (typeof value === 'string') return [{ text: value, strong: true }];
        return lists
          .formatToParts(value)
          .map((part) => ({ text: part.value, strong: part.type === 'element' }));
      });
  };

  return {
    lang,
    dir,
    t: (key, values) =>
      parts(key, values)
        .map(({ text, strong }) => (strong && dir === 'rtl' ? isolated(text) : text))
        .join(''),
    parts,
    has: (key) => known.has(key) || fallback?.has(key) === true,
    time: (at, timeZone = 'UTC') => format(at, { ...day, ...hour, timeZone }),
    date: (at, timeZone = 'UTC') => format(at, { ...day, timeZone }),
  };
}

/** First-strong isolate (Unicode UAX 9): a name or address from left to right turns nothing around it. */
function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}

function pseudoOf({ dir, texts }: LanguageFile): LanguageFile {
  const changed = Object.entries(texts).map(([key, entry]) => [
    key,
    typeof entry === 'string'
      ? pseudoText(entry)
      : Object.fromEntries(Object.entries(entry).map(([form, text]) => [form, pseudoText(text)])),
  ]);
  return { lang: PSEUDO_LOCALE, dir, texts: Object.fromEntries(changed) };
}
