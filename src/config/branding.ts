/** `CARDEA_BRANDING_FILE`: how this installation calls itself and looks. Read once, at the start, and judged whole. */
import { readFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { z } from 'zod';
import { accentOf, COLOUR, contrastOn, darkShadeOf, type Scheme, TEXT_CONTRAST } from './contrast.ts';

export interface Branding {
  readonly name: string;
  readonly logo?: { readonly bytes: Buffer; readonly extension: '.svg' | '.png' };
  /** Light and dark, `#rrggbb`. */
  readonly accent?: { readonly light: string; readonly dark: string };
  readonly supportUrl?: string;
  readonly privacyUrl?: string;
  readonly termsUrl?: string;
  /** Stands after our own style sheet. Its contrast is its author's. */
  readonly css?: string;
}

export const plainBranding: Branding = { name: 'Cardea' };

/** What it was named by its operator; undefined: it goes by the product's name, and people know it by its host. */
export function ownName({ name }: Branding): string | undefined {
  return name === plainBranding.name ? undefined : name;
}

/** A logo of more than that is a photograph. */
const MAX_LOGO_BYTES = 200_000;
const MAX_CSS_BYTES = 100_000;

const address = z
  .string()
  .max(2000)
  .refine((text) => URL.canParse(text) && ['https:', 'mailto:'].includes(new URL(text).protocol), {
    error: 'must be an https or mailto address',
  });
const colour = z.string().toLowerCase().regex(COLOUR, { error: 'must be a colour such as #0b6b56' });

const shape = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(60)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>]+$/u, { error: 'must be one line of plain text' })
    .optional(),
  logo: z.string().optional(),
  accent: z.union([colour, z.strictObject({ light: colour, dark: colour.optional() })]).optional(),
  support: address.optional(),
  privacy: address.optional(),
  terms: address.optional(),
  css: z.string().optional(),
});

/** @throws Error with every fault, one sentence each that names its member */
export function readBranding(file: string | undefined): Branding {
  if (file === undefined) return plainBranding;
  const faults: string[] = [];
  const read = shape.safeParse(parsed(file));
  if (!read.success) {
    faults.push(
      ...read.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`),
    );
    throw new Error(sentenceOf(file, faults));
  }
  const { name = plainBranding.name, logo, accent, support, privacy, terms, css } = read.data;
  const load = (member: string, path: string, max: number): Buffer | undefined => {
    try {
      const bytes = readFileSync(resolve(dirname(file), path));
      if (bytes.length <= max) return bytes;
      faults.push(`${member}: has more than ${max / 1000} kB`);
    } catch {
      faults.push(`${member}: there is no file ${path} that can be read`);
    }
    return undefined;
  };
  const extension = logo === undefined ? undefined : extname(logo).toLowerCase();
  if (extension !== undefined && extension !== '.svg' && extension !== '.png') {
    faults.push('logo: must be an .svg or .png file');
  }
  const bytes = logo === undefined ? undefined : load('logo', logo, MAX_LOGO_BYTES);
  const style = css === undefined ? undefined : load('css', css, MAX_CSS_BYTES);
  const light = typeof accent === 'string' ? accent : accent?.light;
  const dark = (typeof accent === 'string' ? undefined : accent?.dark) ?? (light && darkShadeOf(light));
  if (light) faults.push(...accentFaults('light', light));
  if (dark) faults.push(...accentFaults('dark', dark));
  if (faults.length > 0) throw new Error(sentenceOf(file, faults));
  return {
    name,
    ...(bytes && (extension === '.svg' || extension === '.png') && { logo: { bytes, extension } }),
    ...(light && dark && { accent: { light, dark } }),
    ...(support && { supportUrl: support }),
    ...(privacy && { privacyUrl: privacy }),
    ...(terms && { termsUrl: terms }),
    ...(style && { css: style.toString('utf8') }),
  };
}

/** Why text in that colour, or on it, could not be read (WCAG 2.2 success criterion 1.4.3). */
export function accentFaults(scheme: Scheme, colour: string): readonly string[] {
  const ratio = contrastOn(scheme, colour);
  if (ratio < TEXT_CONTRAST) {
    const found = ratio.toFixed(1);
    return [
      `accent: ${colour} has a contrast of ${found} on the ${scheme} pages; ${TEXT_CONTRAST} is the least (WCAG AA)`,
    ];
  }
  return accentOf(scheme, colour) ? [] : [`accent: neither white nor black can be read on ${colour}`];
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new Error(`CARDEA_BRANDING_FILE: ${file} is no JSON file that can be read`);
  }
}

const sentenceOf = (file: string, faults: readonly string[]) =>
  `CARDEA_BRANDING_FILE: ${file}:\n  ${faults.join('\n  ')}`;
