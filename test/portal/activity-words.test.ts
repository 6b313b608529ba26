import { join } from 'node:path';
import { expect, test } from 'vitest';
import { activityText, shownTypes, variants, visibility } from '../../src/portal/activity-words.ts';
import { loadLanguages } from '../../src/web/texts.ts';

const texts = loadLanguages(join(import.meta.dirname, '../../views/locales')).textsIn('en');

test('A9 every event that is shown has its words, each variant of it its own', () => {
  const wanted = shownTypes.flatMap((type) => {
    const key = `portal.activity.${type}`;
    return variants[type]?.map((variant) => `${key}.${variant}`) ?? [key];
  });
  expect(wanted.filter((key) => !texts.has(key))).toEqual([]);
  expect(Object.keys(variants).filter((type) => !shownTypes.some((one) => one === type))).toEqual([]);
  expect(wanted.length).toBeGreaterThan(20);
  expect(Object.keys(visibility).length).toBeGreaterThan(50);
});

test('a change of the profile, of the address and of both are told apart', () => {
  const keys = [['profile'], ['email', 'emailVerified'], ['emailVerified', 'profile']].map((fields) =>
    activityText({ type: 'account.updated', detail: { fields } }),
  );
  expect(keys.map((key) => key.split('.').at(-1))).toEqual(['profile', 'email', 'emailVerified']);
});
