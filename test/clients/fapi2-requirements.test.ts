import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fapiRequirements } from '../../src/clients/fapi2-requirements.ts';
import { renderProfilesPage } from '../../src/clients/profiles-page.ts';

describe('docs/profiles.md', () => {
  it('is what the tables say', () => {
    expect(readFileSync('docs/profiles.md', 'utf8')).toBe(renderProfilesPage());
  });

  it.each(fapiRequirements.map((one) => [one.item, one] as const))(
    '%s is held by tests that are there',
    (_, one) => {
      expect(one.tests.length).toBeGreaterThan(0);
      for (const [file, name] of one.tests) {
        const source = readFileSync(`test/${file}`, 'utf8');
        // The name is a text of its own in that file: what a test or a group of tests is called.
        expect(source.includes(`'${name}`) || source.includes(`\`${name}`), `${file}: ${name}`).toBe(true);
      }
    },
  );

  it('leaves none of the numbered requirements out', () => {
    const items = fapiRequirements.map(({ item }) => item).join(' ');
    const covered = (section: string, item: number) =>
      new RegExp(`${section.replaceAll('.', '\\.')} items? (${item}\\b|\\d and ${item}\\b|1 to 5)`).test(
        items,
      );
    const numbered: [string, number][] = [
      ['5.3.2.1', 14],
      ['5.3.2.2', 14],
      ['5.3.4', 5],
      ['5.4.1', 4],
    ];
    for (const [section, last] of numbered) {
      for (let item = 1; item <= last; item += 1)
        expect(covered(section, item), `${section} ${item}`).toBe(true);
    }
  });
});
