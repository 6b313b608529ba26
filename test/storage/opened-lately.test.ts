import { expect, test, vi } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { openedLately } from '../../src/storage/opened-lately.ts';
import { createSealing, SealBroken } from '../../src/storage/sealing.ts';

function watched() {
  const sealing = createSealing([new Secret('a master key of more than 32 characters')]);
  const open = vi.fn(sealing.open);
  return { open, lately: { seal: sealing.seal, open: openedLately(open) } };
}

test('a sealed text is deciphered once, and gives the same each time', () => {
  const { open, lately } = watched();
  const sealed = lately.seal('hello', 'AccessToken:a');
  expect([1, 2, 3].map(() => lately.open(sealed, 'AccessToken:a'))).toEqual(['hello', 'hello', 'hello']);
  expect(open).toHaveBeenCalledTimes(1);
});

test('a text that was opened in its place opens in no other, however often it is tried', () => {
  const { lately } = watched();
  const sealed = lately.seal('hello', 'AccessToken:a');
  lately.open(sealed, 'AccessToken:a');
  for (const place of ['AccessToken:b', 'Grant:a', '']) {
    expect(() => lately.open(sealed, place)).toThrow(SealBroken);
    expect(() => lately.open(sealed, place)).toThrow(SealBroken);
  }
  expect(lately.open(sealed, 'AccessToken:a')).toBe('hello');
});

test('a changed text is not the one that was opened', () => {
  const { lately } = watched();
  const sealed = lately.seal('hello', 'AccessToken:a');
  lately.open(sealed, 'AccessToken:a');
  const changed = sealed.slice(0, -1) + (sealed.endsWith('A') ? 'B' : 'A');
  expect(() => lately.open(changed, 'AccessToken:a')).toThrow(SealBroken);
});

test('it is bounded, in number and in what one may weigh', () => {
  const { open, lately } = watched();
  const first = lately.seal('first', 'AccessToken:a');
  lately.open(first, 'AccessToken:a');
  const long = lately.seal('x'.repeat(4_000), 'AccessToken:a');
  for (const sealed of [long, long]) lately.open(sealed, 'AccessToken:a');
  expect(open).toHaveBeenCalledTimes(3);
  for (let n = 0; n < 2_000; n += 1) lately.open(lately.seal(`${n}`, 'AccessToken:b'), 'AccessToken:b');
  open.mockClear();
  lately.open(first, 'AccessToken:a');
  expect(open).toHaveBeenCalledTimes(1);
});
