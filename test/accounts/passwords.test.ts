import { describe, expect, it } from 'vitest';
import { isCommonPassword } from '../../src/accounts/common-passwords.ts';
import { judgePassword } from '../../src/accounts/password-rules.ts';
import { createPasswords } from '../../src/accounts/passwords.ts';
import { standingClock } from '../clients/databases.ts';
import { argon2 } from './rooms.ts';

const judge = (password: string, email = 'ada.lovelace@example.com', minLength = 12) =>
  judgePassword(password, { minLength, email });
const open = (settings: Partial<typeof argon2> = {}) =>
  createPasswords({ argon2: { ...argon2, ...settings }, minLength: 12, clock: standingClock() });

describe('A12, A14 which passwords may be set', () => {
  it.each([
    ['correct horse battery staple', 'words'],
    ['aaaaaaaaaaab', 'no rule about which characters'],
    ['ALLUPPERCASE OR NOT', 'no rule about case'],
    ['  spaces around it  ', 'spaces'],
    ['with\u0000nul inside it', 'NUL'],
    ['пароль который длинный', 'Cyrillic'],
    ['😀😁😂🤣😃😄😅😆😉😊😋😎', 'twelve emoji'],
    ['x1'.repeat(3) + 'y'.repeat(1018), '1,024 bytes'],
  ])('%j may (%s)', (password) => {
    expect(judge(password)).toBeUndefined();
  });

  it.each([
    ['', 'nothing'],
    ['elevenchars', 'eleven characters'],
    ['😀'.repeat(11), 'eleven characters of four bytes'],
    ['x'.repeat(1025), '1,025 bytes'],
    ['é'.repeat(513), '1,026 bytes in 513 characters'],
    ['😀'.repeat(10_000), '10,000 emoji'],
    ['x'.repeat(1_000_000), 'a megabyte'],
    ['half a pair \ud800 here', 'no well-formed text'],
    ['administrator', 'on the list'],
    ['ADMINISTRATOR', 'on the list, in capitals'],
    ['ａｄｍｉｎｉｓｔｒａｔｏｒ', 'on the list, full-width'],
    ['password1234', 'a common word and digits'],
    ['!Superman2026', 'a common word between others'],
    ['passwordpassword', 'a common word twice'],
    ['aaaaaaaaaaaa', 'one letter'],
    ['abcabcabcabc', 'three letters'],
    ['123456789012', 'digits in a row'],
    ['abcdefghijklm', 'letters in a row'],
    ['ada.lovelace@example.com', 'the e-mail address'],
    ['ADA.Lovelace@EXAMPLE.com', 'the e-mail address in another spelling'],
    ['ada.lovelace', 'its local part'],
    ['cardeacardea', 'this service'],
  ])('%j may not (%s)', (password) => {
    expect(judge(password)).toMatchObject({ field: 'password' });
  });

  it.each([
    ['Ada Lovelace 1815', 'the name with a year'],
    ['lovelaceada!!!', 'the name turned around'],
    ['example.com2026', 'the domain and a year'],
    ['Kürschner&Söhne', 'the app'],
    ['idexample-1234', 'the host'],
  ])('%j may not: words that anybody would try first (%s)', (password) => {
    const words = ['Ada Lovelace', 'Kürschner & Söhne', 'id.example'];
    const context = { minLength: 12, email: 'ada.lovelace@example.com', words };
    expect(judgePassword(password, context)).toMatchObject({ field: 'password' });
    expect(judgePassword(`${password} harbour`, context)).toBeUndefined();
  });

  it('has at least eight bytes, whatever the setting', () => {
    expect(judge('abc4567', undefined, 1)).toBeDefined();
    expect(judge('zebra%41', undefined, 8)).toBeUndefined();
  });

  it('refuses the most common ones that are long enough, at every minimum (ASVS 6.2.4)', () => {
    for (const word of [
      'password',
      'trustno1',
      '1q2w3e4r',
      'qwertyuiop',
      'baseball1',
      'iloveyou1',
      'sunshine',
    ]) {
      expect(isCommonPassword(word)).toBe(true);
    }
    expect(isCommonPassword('","')).toBe(false);
    expect(isCommonPassword('zebra%41')).toBe(false);
  });
});

describe('hashing', () => {
  it('makes Argon2id strings with the parameters, and verifies them', async () => {
    const passwords = open();
    const hashed = await passwords.hash('correct horse battery');
    if (hashed.kind === 'busy') throw new Error('busy');
    expect(hashed.value).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verify(hashed.value, 'correct horse battery')).toEqual({
      kind: 'done',
      value: true,
    });
    expect(await passwords.verify(hashed.value, 'correct horse batterz')).toEqual({
      kind: 'done',
      value: false,
    });
    expect(passwords.needsRehash(hashed.value)).toBe(false);
    expect(open({ timeCost: 3 }).needsRehash(hashed.value)).toBe(true);
    expect(open({ memoryKib: 20_000 }).needsRehash(hashed.value)).toBe(true);
    const stronger = hashed.value.replace('t=2', 't=9');
    expect(passwords.needsRehash(stronger)).toBe(false);
    expect(passwords.computedCount()).toBe(3);
  });

  it('A11, A12 counts every byte, trims nothing, and takes both spellings of an accent', async () => {
    const passwords = open();
    const long = 'x'.repeat(1000);
    const hashed = await passwords.hash(`${long}é end `);
    if (hashed.kind === 'busy') throw new Error('busy');
    const is = async (password: string) => {
      const verified = await passwords.verify(hashed.value, password);
      return verified.kind === 'done' && verified.value;
    };
    expect(await is(`${long}e\u0301 end `)).toBe(true);
    expect(await is(`${long}é end`)).toBe(false);
    expect(await is(`${long}é en\u0000`)).toBe(false);
    expect(await is(`${long.toUpperCase()}é end `)).toBe(false);
  });

  it('S13 costs one hash without a string, and none for what no password can be', async () => {
    const passwords = open();
    expect(await passwords.verify(undefined, 'anything at all')).toEqual({ kind: 'done', value: false });
    expect(passwords.computedCount()).toBe(1);
    expect(await passwords.verify(undefined, 'x'.repeat(1_000_000))).toEqual({ kind: 'done', value: false });
    expect(passwords.computedCount()).toBe(1);
  });

  it.each([{ memoryKib: 19_455 }, { timeCost: 1 }, { parallelism: 0 }, { memoryKib: Number.NaN }])(
    'refuses parameters below the floor: %j',
    (settings) => {
      expect(() => open(settings)).toThrow(RangeError);
    },
  );

  it('A13 answers busy instead of queueing without end', async () => {
    const passwords = open({ concurrency: 1, queueLength: 8, queueSeconds: 3 });
    const all = await Promise.all(
      Array.from({ length: 100 }, () => passwords.verify(undefined, 'a storm of them')),
    );
    const busy = all.filter(({ kind }) => kind === 'busy');
    expect(busy[0]).toEqual({ kind: 'busy', retryAfterSeconds: 3 });
    // One ran, six of the eight places are for strangers.
    expect(passwords.computedCount()).toBe(7);
    expect(busy).toHaveLength(93);
    expect(passwords.depth()).toBe(0);
  });
});
