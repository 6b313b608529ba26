import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { digest } from '../../src/storage/digest.ts';
import { createSealing, SealBroken } from '../../src/storage/sealing.ts';

const old = new Secret('the older master key, 32 characters or more');
const young = new Secret('the newer master key, 32 characters or more');

describe('sealing', () => {
  const sealing = createSealing([old]);

  test('opens only in the place it was sealed for', () => {
    const sealed = sealing.seal('plain ✓', 'Grant:one');
    expect(sealing.open(sealed, 'Grant:one')).toBe('plain ✓');
    expect(() => sealing.open(sealed, 'Grant:two')).toThrow(SealBroken);
    expect(sealed).not.toContain('plain');
  });

  test('S16 a changed text does not open, whichever character was changed', () => {
    const sealed = sealing.seal('payload', 'a');
    const start = sealed.lastIndexOf('.') + 1;
    for (let at = start; at < sealed.length; at += 1) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
      // The last character carries bits that base64url ignores: the same bytes are the same text.
      const same = Buffer.from(changed.slice(start), 'base64url').equals(
        Buffer.from(sealed.slice(start), 'base64url'),
      );
      if (!same) expect(() => sealing.open(changed, 'a')).toThrow(SealBroken);
    }
    for (const broken of [
      '',
      's1',
      's1..',
      's1.xxxxxxxx.AAAA',
      `s2${sealed.slice(2)}`,
      sealed.slice(0, -8),
    ]) {
      expect(() => sealing.open(broken, 'a')).toThrow(SealBroken);
    }
  });

  test('two sealings of one text differ', () => {
    expect(sealing.seal('x', 'a')).not.toBe(sealing.seal('x', 'a'));
  });

  test('a list of keys: the first seals, the others still open; a key taken away opens nothing', () => {
    const before = sealing.seal('x', 'a');
    const both = createSealing([young, old]);
    expect(both.open(before, 'a')).toBe('x');
    const after = both.seal('y', 'a');
    expect(createSealing([young]).open(after, 'a')).toBe('y');
    expect(() => createSealing([young]).open(before, 'a')).toThrow(SealBroken);
    expect(() => sealing.open(after, 'a')).toThrow(SealBroken);
  });

  test('sealed with a value: neither the store with the master key nor the value alone opens it', () => {
    const sealed = sealing.sealWith('token', 'answer', 'a');
    expect(sealing.openWith('token', sealed, 'a')).toBe('answer');
    expect(() => sealing.openWith('other token', sealed, 'a')).toThrow(SealBroken);
    expect(() => sealing.open(sealed, 'a')).toThrow(SealBroken);
    expect(() => createSealing([young]).openWith('token', sealed, 'a')).toThrow(SealBroken);
    expect(createSealing([young, old]).openWith('token', sealed, 'a')).toBe('answer');
  });

  test('derived bytes are stable, 32 of them, and differ by label and by master key', () => {
    expect(sealing.derive('one')).toEqual(createSealing([old, young]).derive('one'));
    expect(sealing.derive('one')).toHaveLength(32);
    expect(sealing.derive('one')).not.toEqual(sealing.derive('two'));
    expect(sealing.derive('one')).not.toEqual(createSealing([young]).derive('one'));
  });

  test('refuses no key and a short key, without printing it', () => {
    expect(() => createSealing([])).toThrow('at least one master key');
    expect(() => createSealing([new Secret('short')])).toThrow(/^a master key needs at least 32 characters$/);
  });
});

test('a digest is SHA-256 in base64url', () => {
  // FIPS 180-2 appendix B.1
  expect(digest('abc')).toBe(
    Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex').toString(
      'base64url',
    ),
  );
});
