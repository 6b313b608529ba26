/**
 * The language of an answer: what the person chose here, else what the app asks for (`ui_locales`), else the account's,
 * else the browser's (RFC 9110 section 12.5.4). Decided once a request.
 */
import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import type { Cookies } from './cookies.ts';
import { acceptedLocales, chooseLocale } from './locales.ts';
import { PSEUDO_LOCALE } from './pseudo-locale.ts';
import type { Languages, Texts } from './texts.ts';

/** What is known of a request besides its headers. */
export interface LanguageWish {
  /** OpenID Connect Core section 3.1.2.1, as it was sent. */
  readonly uiLocales?: unknown;
  /** The account's own (BCP 47). */
  readonly account?: string | undefined;
}

export interface PageLanguages {
  /** A language of ours. */
  of(ctx: Pick<Koa.Context, 'req' | 'get' | 'cookies' | 'query'>): string;
  /** The same once more is known; pages that follow in this request speak it. */
  settle(ctx: Koa.Context, wish: LanguageWish): string;
  textsFor(ctx: Pick<Koa.Context, 'req' | 'get' | 'cookies' | 'query'>): Texts;
  /** Those that people choose from, the default first. */
  readonly locales: readonly string[];
  textsIn(locale: string): Texts;
  /** Remembers a choice in this browser. @returns false when it is no language of ours */
  choose(ctx: Koa.Context, locale: string): boolean;
}

const COOKIE = 'language';
const YEAR_SECONDS = 365 * 86_400;

export function createPageLanguages({
  languages,
  cookies,
}: {
  languages: Languages;
  cookies: Pick<Cookies, 'read' | 'set'>;
}): PageLanguages {
  const settled = new WeakMap<IncomingMessage, string>();
  const { locales, textsIn } = languages;
  // The pseudo-locale is for who asks for it by name.
  const asked = [...locales, PSEUDO_LOCALE];

  function decide(ctx: Pick<Koa.Context, 'req' | 'get' | 'cookies' | 'query'>, wish: LanguageWish): string {
    const [fallback = 'en'] = locales;
    const chosen = cookies.read(ctx as Koa.Context, COOKIE);
    return (
      locales.find((locale) => locale === chosen) ??
      chooseLocale(wish.uiLocales, asked) ??
      chooseLocale(wish.account, locales) ??
      chooseLocale(acceptedLocales(ctx.get('Accept-Language')), locales) ??
      fallback
    );
  }

  const of: PageLanguages['of'] = (ctx) =>
    settled.get(ctx.req) ?? decide(ctx, { uiLocales: ctx.query.ui_locales });

  return {
    of,
    locales,
    textsIn,
    settle(ctx, wish) {
      const locale = decide(ctx, wish);
      settled.set(ctx.req, locale);
      return locale;
    },
    textsFor: (ctx) => textsIn(of(ctx)),
    choose(ctx, locale) {
      if (!locales.includes(locale)) return false;
      cookies.set(ctx, COOKIE, locale, { maxAgeSeconds: YEAR_SECONDS });
      return true;
    },
  };
}
