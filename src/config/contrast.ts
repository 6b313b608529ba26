/** Colours and how well they can be told apart (WCAG 2.2, "relative luminance" and "contrast ratio"). */

/** `#rrggbb` */
export type Colour = string;

export const COLOUR = /^#[0-9a-f]{6}$/;

/** WCAG 2.2 success criterion 1.4.3, for text. */
export const TEXT_CONTRAST = 4.5;

/** The surfaces of views/assets/cardea.css that text and links stand on. */
export const surfaces = { light: ['#ffffff', '#f5f6f7'], dark: ['#0f1214', '#181c20'] } as const;
export type Scheme = keyof typeof surfaces;

/** What may stand on an accent: the inks of the two schemes. */
const inks = ['#ffffff', '#04110d'] as const;

const channels = (colour: Colour): number[] =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

function luminance(colour: Colour): number {
  const [r = 0, g = 0, b = 0] = channels(colour).map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** From 1 (the same) to 21 (black on white). */
export function contrastRatio(one: Colour, other: Colour): number {
  const [lighter = 0, darker = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (lighter + 0.05) / (darker + 0.05);
}

/** The worst contrast of a colour with what it stands on. */
export function contrastOn(scheme: Scheme, colour: Colour): number {
  return Math.min(...surfaces[scheme].map((surface) => contrastRatio(colour, surface)));
}

/** @param share of `other`, 0..1 */
function mixed(colour: Colour, other: Colour, share: number): Colour {
  const [from, to] = [channels(colour), channels(other)];
  const parts = from.map((channel, at) => Math.round(channel + ((to[at] ?? 0) - channel) * share));
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

export interface Accent {
  readonly accent: Colour;
  /** Under the pointer: further from the surface. */
  readonly strong: Colour;
  /** What stands on it. */
  readonly ink: Colour;
}

/** Accent, its stronger shade and its ink; undefined when they cannot be told apart as WCAG AA asks. */
export function accentOf(scheme: Scheme, colour: Colour): Accent | undefined {
  if (contrastOn(scheme, colour) < TEXT_CONTRAST) return undefined;
  const strong = mixed(colour, scheme === 'light' ? '#000000' : '#ffffff', 0.2);
  const ink = inks.find((one) =>
    [colour, strong].every((shade) => contrastRatio(one, shade) >= TEXT_CONTRAST),
  );
  return ink && { accent: colour, strong, ink };
}

/** The nearest shade of a light accent that can be read on the dark surfaces. */
export function darkShadeOf(colour: Colour): Colour {
  for (let share = 0; share < 1; share += 0.05) {
    const shade = mixed(colour, '#ffffff', share);
    if (accentOf('dark', shade)) return shade;
  }
  return '#ffffff';
}
