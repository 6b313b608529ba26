/** The look of this installation and of one app, as style sheets of our own: no template is ever copied. */
import type Koa from 'koa';
import type { Branding } from '../config/branding.ts';
import { type Accent, accentOf } from '../config/contrast.ts';
import { WebFault } from './problem.ts';

/** What every template sees as `it.brand`. */
export interface BrandView {
  readonly name: string;
  readonly logo: string | undefined;
  readonly style: string | undefined;
  readonly support: string | undefined;
  readonly privacy: string | undefined;
  readonly terms: string | undefined;
}

/** The installation's own style sheet and logo, by the names under which the assets serve them. */
export function brandFiles({ accent, css, logo }: Branding): ReadonlyMap<string, Buffer> {
  const style = [accent && accentStyle(accent.light, accent.dark), css].filter(Boolean).join('\n');
  return new Map([
    ...(style ? [['brand.css', Buffer.from(style)] as const] : []),
    ...(logo ? [[`brand${logo.extension}`, logo.bytes] as const] : []),
  ]);
}

export function brandView(branding: Branding, url: (name: string) => string): BrandView {
  const { name, logo, accent, css, supportUrl, privacyUrl, termsUrl } = branding;
  return {
    name,
    logo: logo && url(`brand${logo.extension}`),
    style: accent || css ? url('brand.css') : undefined,
    support: supportUrl,
    privacy: privacyUrl,
    terms: termsUrl,
  };
}

const PATH = /^\/accent\/([0-9a-f]{6})-([0-9a-f]{6})\.css$/;

/** The address of an app's accent, from its two colours. */
export function accentPath({ light, dark }: { light: string; dark: string }): string {
  return `/accent/${light.slice(1)}-${dark.slice(1)}.css`;
}

/**
 * Serves an app's accent. The address is the content, so nothing is stored, and nobody gets a colour by it that could
 * not be read.
 */
export const accentDoor: Koa.Middleware = (ctx, next) => {
  const [, light, dark] = PATH.exec(ctx.path) ?? [];
  if (light === undefined || dark === undefined) return next();
  const style = accentStyle(`#${light}`, `#${dark}`);
  if (style === undefined) throw new WebFault({ status: 404, detail: 'There is nothing at this address.' });
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
    throw new WebFault({ status: 405, detail: 'This can only be read.', allow: ['GET', 'HEAD'] });
  }
  ctx.set('Cache-Control', 'public, max-age=31536000, immutable');
  ctx.type = 'text/css; charset=utf-8';
  ctx.body = style;
  return undefined;
};

function accentStyle(light: string, dark: string): string | undefined {
  const [one, other] = [accentOf('light', light), accentOf('dark', dark)];
  if (!one || !other) return undefined;
  return `:root{${tokensOf(one)}}\n@media (prefers-color-scheme:dark){:root{${tokensOf(other)}}}\n`;
}

const tokensOf = ({ accent, strong, ink }: Accent) =>
  `--accent:${accent};--accent-strong:${strong};--accent-ink:${ink}`;
