/** Which language a page speaks, how it writes numbers and times, and that no language lags behind another. */
import { get, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allFaults, languageFaults } from '../../scripts/check-languages.ts';
import { acceptedLocales } from '../../src/web/locales.ts';
import { pseudoText } from '../../src/web/pseudo-locale.ts';
import { createTexts, type LanguageFile } from '../../src/web/texts.ts';
import { type ServedPages, servePages } from '../pages/serve-pages.ts';

const language = (lang: string, texts: LanguageFile['texts']): LanguageFile => ({ lang, dir: 'ltr', texts });

describe('texts', () => {
  test('a plural form by the rules of the language, numbers as it writes them', () => {
    const ar = createTexts(
      language('ar', { n: { zero: 'z', one: 'o', two: 't', few: 'f {n}', many: 'm {n}', other: 'x {n}' } }),
    );
    expect([0, 1, 2, 3, 11, 100].map((n) => ar.t('n', { n })[0])).toEqual(['z', 'o', 't', 'f', 'm', 'x']);
    const de = createTexts(language('de', { n: { one: 'einer', other: '{n} viele' } }));
    expect(de.t('n', { n: 1 })).toBe('einer');
    expect(de.t('n', { n: 12345 })).toBe('12.345 viele');
  });

  test('what a language does not say yet is said in English; what nobody says is a bug', () => {
    const de = createTexts(language('de', {}), createTexts(language('en', { hello: 'Hello {who}' })));
    expect(de.t('hello', { who: 'Ada' })).toBe('Hello Ada');
    expect(() => de.t('never')).toThrow('never');
  });

  test('a value is never read as a placeholder', () => {
    const en = createTexts(language('en', { hello: '{a} and {b}' }));
    expect(en.t('hello', { a: '{b}', b: 'c' })).toBe('{b} and c');
  });

  test('from right to left a value stands by itself, so that it turns nothing around it', () => {
    const ar = createTexts({ lang: 'ar', dir: 'rtl', texts: { to: 'إلى {to}.' } });
    expect(ar.t('to', { to: 'ada@example.com' })).toBe('إلى \u2068ada@example.com\u2069.');
    // A template marks these with an element of its own.
    expect(ar.parts('to', { to: 'ada@example.com' })[1]).toEqual({ text: 'ada@example.com', strong: true });
  });

  test.each([
    ['en', 'ltr', 'a.example, b.example or c.example'],
    ['de', 'ltr', 'a.example, b.example oder c.example'],
    ['ja', 'ltr', 'a.example、b.example、またはc.example'],
    ['ar', 'rtl', '\u2068a.example\u2069 أو \u2068b.example\u2069 أو \u2068c.example\u2069'],
  ] as const)('alternatives are joined as %s joins them, each a piece of its own', (lang, dir, joined) => {
    const texts = createTexts({ lang, dir, texts: { at: '@ {domains}.' } });
    const domains = ['a.example', 'b.example', 'c.example'];
    expect(texts.t('at', { domains })).toBe(`@ ${joined}.`);
    expect(texts.parts('at', { domains }).filter(({ strong }) => strong)).toEqual(
      domains.map((text) => ({ text, strong: true })),
    );
  });

  test('the pseudo-locale keeps placeholders, marks both ends and is longer', () => {
    expect(pseudoText('Hello {name}')).toMatch(/^\[[^a-zA-Z]+ \{name\}( ·)+\]$/);
  });
});

test.each([
  ['de-CH, fr;q=0.9, en;q=0.8', 'de-CH fr en'],
  ['en;q=0.1, ja', 'ja en'],
  ['de;q=0, *;q=0.5, fr;q=1.5, en;q=x', ''],
  [`${'a-'.repeat(500)}b`, ''],
  ['<script>', ''],
])('Accept-Language %j', (header, tags) => {
  expect(acceptedLocales(header)).toBe(tags);
});

describe('the check of languages', () => {
  const en = language('en', { a: 'Give {x}', n: { one: 'a day', other: '{n} days' } });
  test('finds what is missing, astray, untranslated, without its forms, or left behind', () => {
    const faults = languageFaults(en, language('fr', { a: 'Give {x}', n: '{n} jours', b: 'Vieux' }));
    expect(faults).toEqual([
      'fr: a is not translated',
      'fr: n lacks its forms for one, many, other',
      'fr: says b, which English does not',
    ]);
    expect(
      languageFaults(en, language('de', { a: 'Gib {y}', n: { one: 'ein Tag', other: '{n} Tage' } })),
    ).toEqual(['de: a has {y} instead of {x}']);
  });

  test('finds nothing in ours', () => {
    expect(allFaults('.')).toEqual([]);
  });
});

describe('a page', () => {
  let pages: ServedPages;
  beforeAll(async () => {
    pages = await servePages();
  });
  afterAll(() => pages.close());

  const ask = (path: string, headers: Record<string, string> = {}) =>
    new Promise<{ lang: string; body: string }>((resolve, reject) => {
      get({ port: pages.port, path, headers: { Host: `localhost:${pages.port}`, ...headers } }, (res) => {
        let body = '';
        res.on('data', (chunk) => {
          body += chunk;
        });
        res.on('end', () => resolve({ body, lang: /<html lang="([^"]+)"/.exec(body)?.[1] ?? '' }));
      }).on('error', reject);
    });

  const choose = (language: string, back: string) =>
    new Promise<{ status: number; location: string; cookies: string[] }>((resolve, reject) => {
      const sent = request(
        {
          port: pages.port,
          path: '/language',
          method: 'POST',
          headers: { Host: `localhost:${pages.port}`, 'Content-Type': 'application/x-www-form-urlencoded' },
        },
        (res) => {
          res.resume();
          res.on('end', () =>
            resolve({
              status: res.statusCode ?? 0,
              location: res.headers.location ?? '',
              cookies: res.headers['set-cookie'] ?? [],
            }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(new URLSearchParams({ language, back }).toString());
    });

  test('asked for as the pseudo-locale, holds no text that the language files do not know', async () => {
    const { body, lang } = await ask('/?ui_locales=en-XA');
    expect(lang).toBe('en-XA');
    const said = body.replace(/<(style|script|title|details)[\s\S]*?<\/\1>/g, '').replace(/<[^>]+>/g, '\n');
    const plain = said
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => /[a-z]{3}/.test(line));
    // What is nobody's text: the host and the brand.
    expect(plain.filter((line) => !/^localhost|^Cardea$|^\[/.test(line))).toEqual([]);
  });

  test('a choice is remembered in this browser, and leads back to a path of ours only', async () => {
    const chosen = await choose('en', '/?a=b');
    expect(chosen).toMatchObject({ status: 303, location: '/?a=b' });
    expect(chosen.cookies.join()).toMatch(/language=en;.*httponly/i);
    for (const back of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '/a b',
      'javascript:alert(1)',
      '',
    ]) {
      expect((await choose('en', back)).location).toBe('/');
    }
    expect((await choose('xx', '/')).status).toBe(400);
  });
});
