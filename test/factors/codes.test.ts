import { describe, expect, it } from 'vitest';
import { plainName } from '../../src/factors/factor.ts';
import { qrCodeOf } from '../../src/factors/qr-code.ts';
import { generateRecoveryCodes, plainRecoveryCode } from '../../src/factors/recovery-codes.ts';
import { addressOfSecret, generateSecret, plainCode, stepOfCode } from '../../src/factors/totp.ts';

describe('time-based codes', () => {
  // The secret of RFC 6238 appendix B, '12345678901234567890' in base32; its codes cut to six digits.
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  it.each([
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
  ])('RFC 6238 appendix B at %d s', (seconds, code) => {
    const step = Math.floor(seconds / 30);
    for (const [shift, taken] of [
      [-60, undefined],
      [-30, step],
      [0, step],
      [30, step],
      [60, undefined],
    ] as const) {
      expect(stepOfCode(secret, code, (step * 30 + 29 + shift) * 1000)).toBe(taken);
      expect(stepOfCode(secret, code, (step * 30 + shift) * 1000)).toBe(taken);
    }
  });

  it('makes secrets of 160 bits and addresses that apps read', () => {
    const made = generateSecret();
    expect(made).toMatch(/^[A-Z2-7]{32}$/);
    expect(generateSecret()).not.toBe(made);
    const address = new URL(
      addressOfSecret(made, { issuer: 'id.example.com:3000', email: 'ada+x@example.com' }),
    );
    expect(address.href).toContain('otpauth://totp/id.example.com');
    expect(address.searchParams.get('secret')).toBe(made);
    expect(address.searchParams.get('issuer')).toBe('id.example.com:3000');
  });

  it('reads what people type', () => {
    for (const typed of [
      '123456',
      ' 123 456 ',
      '123-456',
      '１２３４５６',
      '١٢٣٤٥٦',
      '۱۲۳۴۵۶',
      '123\u200b456',
    ]) {
      expect(plainCode(typed)).toBe('123456');
    }
    for (const typed of ['', '12345', '1234567', 'abcdef', '1'.repeat(100_000)]) {
      expect(stepOfCode(secret, plainCode(typed), 59_000)).toBeUndefined();
    }
  });
});

describe('recovery codes', () => {
  it('are ten, distinct, of 51 bits, and read in any shape', () => {
    const codes = generateRecoveryCodes();
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) {
      expect(code).toMatch(/^[B-DF-HJ-NP-TV-XZ]{4}(?:-[B-DF-HJ-NP-TV-XZ]{4}){2}$/);
      const plain = code.replaceAll('-', '');
      for (const typed of [code, code.toLowerCase(), plain, ` ${code.replaceAll('-', ' – ')} `]) {
        expect(plainRecoveryCode(typed)).toBe(plain);
      }
    }
    expect(12 * Math.log2(20)).toBeGreaterThan(50);
    for (const typed of ['', 'AEIO-UAEI-OUAE', 'BCDF', 'B'.repeat(100_000)]) {
      expect(plainRecoveryCode(typed)).toBeUndefined();
    }
  });
});

describe('what is drawn and named', () => {
  it('draws a QR code as a path of digits and commands, with its quiet zone', () => {
    const { size, path } = qrCodeOf(
      addressOfSecret(generateSecret(), { issuer: 'id.example.com', email: 'ada@example.com' }),
    );
    expect(size).toBeGreaterThan(21 + 8);
    expect(path).toMatch(/^(?:M\d+ \d+h1v1h-1z)+$/);
    const cells = [...path.matchAll(/M(\d+) (\d+)/g)].flatMap(([, x, y]) => [Number(x), Number(y)]);
    expect(Math.min(...cells)).toBe(4);
    expect(Math.max(...cells)).toBe(size - 5);
  });
  it('names are one short line', () => {
    expect(plainName(' My\r\n\u202ephone\t ')).toBe('My phone');
    expect([...plainName('😀'.repeat(500))].length).toBe(60);
  });
});
