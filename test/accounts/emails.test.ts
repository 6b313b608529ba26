import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalEmail, throttleNameOf } from '../../src/accounts/emails.ts';

describe('A11 the canonical form of an e-mail address', () => {
  it.each([
    ['ada@example.com', 'ada@example.com', 'plain'],
    ['  Ada@Example.COM ', 'ada@example.com', 'case and spaces around'],
    ['ＡＤＭＩＮ@example.com', 'admin@example.com', 'full-width letters'],
    ['ａdmin＠ｅxample．com', 'admin@example.com', 'full-width @ and dot'],
    ['ﬁona@example.com', 'fiona@example.com', 'a ligature'],
    ['straße@example.com', 'strasse@example.com', 'ß is ss'],
    ['STRASSE@example.com', 'strasse@example.com', 'SS is ss'],
    ['STRAẞE@example.com', 'strasse@example.com', 'capital ẞ is ss'],
    ['İstanbul@example.com', 'istanbul@example.com', 'Turkish capital İ'],
    ['ısparta@example.com', 'isparta@example.com', 'Turkish ı'],
    ['ISPARTA@example.com', 'isparta@example.com', 'Latin I'],
    ['oſſi@example.com', 'ossi@example.com', 'long s'],
    ['ΟΔΥΣΣΕΥΣ@example.com', 'οδυσσευσ@example.com', 'final sigma, upper'],
    ['οδυσσευς@example.com', 'οδυσσευσ@example.com', 'final sigma, lower'],
    ['jose\u0301@example.com', 'jos\u00e9@example.com', 'combining accent'],
    ['a+tag@example.com', 'a+tag@example.com', '+tag is kept'],
    ['a.b@example.com', 'a.b@example.com', 'dots are kept'],
    ['a@bücher.example', 'a@xn--bcher-kva.example', 'an internationalised domain'],
    ['a@XN--BCHER-KVA.example', 'a@xn--bcher-kva.example', 'the same in punycode'],
    ['a@bu\u0308cher.example', 'a@xn--bcher-kva.example', 'the same with a combining mark'],
    ['a@例え。jp', 'a@xn--r8jz45g.jp', 'an ideographic full stop'],
    ['admin@localhost', 'admin@localhost', 'a laptop'],
    ["o'brien!#$%&*/=?^_`{|}~-@example.com", "o'brien!#$%&*/=?^_`{|}~-@example.com", 'every atext character'],
  ])('%j → %s (%s)', (typed, canonical) => {
    expect(canonicalEmail(typed)).toEqual({ kind: 'email', email: typed.trim(), canonical });
  });

  it.each([
    ['', 'nothing'],
    ['   ', 'spaces'],
    ['ada', 'no @'],
    ['@example.com', 'no local part'],
    ['ada@', 'no domain'],
    ['ada@@example.com', 'two @'],
    ['ada@example.com@evil.example', 'two @ apart'],
    ['ada＠x@example.com', 'two @, one full-width'],
    ['ada@example.com\r\nBcc: x@evil.example', 'CRLF inside'],
    ['ada@example.com\r\n', 'CRLF at the end'],
    ['ada\u0000@example.com', 'NUL'],
    ['ada\t@example.com', 'tab'],
    ['a\u200bda@example.com', 'zero-width space'],
    ['a\u200dda@example.com', 'zero-width joiner'],
    ['a\ufeffda@example.com', 'byte order mark'],
    ['a\u202eda@example.com', 'right-to-left override'],
    ['a\u00adda@example.com', 'soft hyphen'],
    ['a\u3164da@example.com', 'Hangul filler'],
    ['a\ufe0fda@example.com', 'variation selector'],
    ['a\ud800da@example.com', 'half a surrogate pair'],
    ['a\ue000da@example.com', 'private use'],
    ['"ada"@example.com', 'quoted local part'],
    ['"a@b"@example.com', 'quoted local part with @'],
    ['ada(comment)@example.com', 'comment'],
    ['Ada <ada@example.com>', 'display name'],
    ['a da@example.com', 'space inside'],
    ['.ada@example.com', 'leading dot'],
    ['ada.@example.com', 'trailing dot'],
    ['a..da@example.com', 'two dots'],
    ['a,b@example.com', 'comma'],
    ['ada@[127.0.0.1]', 'address literal'],
    ['ada@127.0.0.1', 'IPv4 address'],
    ['ada@0x7f.1', 'IPv4 address in disguise'],
    ['ada@2130706433', 'IPv4 address as a number'],
    ['ada@[::1]', 'IPv6 address'],
    ['ada@example', 'one label'],
    ['ada@example.com.', 'trailing dot of the domain'],
    ['ada@.example.com', 'empty label'],
    ['ada@-a.example', 'label that begins with a dash'],
    ['ada@exa_mple.com', 'underscore in the domain'],
    ['ada@example.com:25', 'port'],
    ['ada@example.com/x', 'path'],
    ['ada@example.com?x', 'query'],
    ['ada@ex%61mple.com', 'percent sign in the domain'],
    ['😀@example.com', 'emoji'],
    [`${'a'.repeat(65)}@example.com`, 'long local part'],
    [`a@${'b'.repeat(64)}.example`, 'long label'],
    [`a@${'bbbb.'.repeat(60)}example`, 'long address'],
    ['a'.repeat(1_000_000), 'a megabyte'],
  ])('%j is refused (%s)', (typed) => {
    const outcome = canonicalEmail(typed);
    expect(outcome.kind).toBe('refused');
  });

  it('is its own canonical form, whatever was typed', () => {
    const part = fc.string({ unit: 'grapheme', maxLength: 12 });
    fc.assert(
      fc.property(part, fc.domain(), (local, domain) => {
        const once = canonicalEmail(`${local}@${domain}`);
        if (once.kind === 'refused') return true;
        const twice = canonicalEmail(once.canonical);
        return twice.kind === 'email' && twice.canonical === once.canonical;
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws, and the throttle has a short name for everything', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 2000 }),
        (typed) => throttleNameOf(typed).length < 400,
      ),
      { numRuns: 1000 },
    );
    expect(throttleNameOf('ADA@example.com ')).toBe('ada@example.com');
  });
});
