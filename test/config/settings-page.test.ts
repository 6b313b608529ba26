import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingNames } from '../../src/config/setting-names.ts';
import { renderSettingsPage } from '../../src/config/settings-page.ts';

describe('docs/configuration.md', () => {
  it('names every setting once in a table', () => {
    const named = [...renderSettingsPage().matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map((found) => found[1]);
    expect(named).toEqual(settingNames);
  });

  it('is what the definitions say', () => {
    expect(readFileSync('docs/configuration.md', 'utf8')).toBe(renderSettingsPage());
  });
});
