/** The look of an installation: judged whole, readable, and nobody's but its operator's. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plainBranding, readBranding } from '../../src/config/branding.ts';
import { accentOf, contrastOn, contrastRatio, darkShadeOf } from '../../src/config/contrast.ts';
import { accentPath, brandFiles, brandView } from '../../src/web/brand.ts';

const channel = fc.integer({ min: 0, max: 255 });
const colours = fc
  .tuple(channel, channel, channel)
  .map((parts) => `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`);

describe('contrast', () => {
  test('as WCAG counts it', () => {
    expect(contrastRatio('#000000', '#ffffff')).toBe(21);
    expect(contrastRatio('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
    expect(contrastRatio('#767676', '#ffffff')).toBeCloseTo(4.54, 2);
  });

  test('an accent that is taken can be read on every surface, under the pointer too, and so can what stands on it', () => {
    fc.assert(
      fc.property(colours, fc.constantFrom('light', 'dark'), (colour, scheme) => {
        const accent = accentOf(scheme, colour);
        if (!accent) return;
        for (const shade of [accent.accent, accent.strong]) {
          expect(contrastOn(scheme, shade)).toBeGreaterThanOrEqual(4.5);
          expect(contrastRatio(shade, accent.ink)).toBeGreaterThanOrEqual(4.5);
        }
      }),
    );
  });

  test('every colour has a shade for dark pages', () => {
    fc.assert(
      fc.property(colours, (colour) => {
        expect(accentOf('dark', darkShadeOf(colour))).toBeDefined();
      }),
    );
  });
});

describe('the branding file', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardea-branding-'));
    await writeFile(join(dir, 'logo.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
    await writeFile(join(dir, 'own.css'), '.frame { letter-spacing: 0 }');
  });
  afterAll(() => rm(dir, { recursive: true }));

  const read = async (content: unknown) => {
    const file = join(dir, 'branding.json');
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
    return readBranding(file);
  };

  test('name, logo, accent, links and style sheet, as files beside it', async () => {
    const branding = await read({
      name: 'Example & Sons',
      logo: 'logo.svg',
      accent: '#0B57D0',
      support: 'mailto:help@example.com',
      privacy: 'https://example.com/privacy',
      css: './own.css',
    });
    const files = brandFiles(branding);
    const style = files.get('brand.css')?.toString() ?? '';
    expect(style).toContain('--accent:#0b57d0');
    expect(style).toContain('prefers-color-scheme:dark');
    expect(style.trimEnd().endsWith('.frame { letter-spacing: 0 }')).toBe(true);
    expect([...files.keys()]).toEqual(['brand.css', 'brand.svg']);
    const view = brandView(branding, (name) => `/assets/${name}`);
    expect(view).toMatchObject({
      name: 'Example & Sons',
      logo: '/assets/brand.svg',
      support: 'mailto:help@example.com',
    });
  });

  test('without one, nothing is added', () => {
    expect(readBranding(undefined)).toBe(plainBranding);
    expect(brandFiles(plainBranding).size).toBe(0);
  });

  test.each([
    ['no JSON', '{', 'is no JSON file'],
    ['a member that there is not', { colour: '#000000' }, 'colour'],
    ['an accent that cannot be read', { accent: '#ffff00' }, 'contrast of 1'],
    [
      'a dark accent that cannot be read',
      { accent: { light: '#0b57d0', dark: '#222222' } },
      'on the dark pages',
    ],
    ['no colour', { accent: 'red;}body{display:none' }, 'must be a colour'],
    ['an address with a script', { support: 'javascript:alert(1)' }, 'support'],
    ['a name with a line end', { name: 'A\nB' }, 'one line'],
    ['a logo of another kind', { logo: 'logo.html' }, '.svg or .png'],
    ['a file that is not there', { css: 'none.css' }, 'there is no file'],
  ])('%s is refused, and the member named', async (_, content, said) => {
    await expect(read(content)).rejects.toThrow(said);
  });
});

test('an accent is its own address', () => {
  expect(accentPath({ light: '#0b57d0', dark: '#a8c7fa' })).toBe('/accent/0b57d0-a8c7fa.css');
});
