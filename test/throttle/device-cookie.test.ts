import { describe, expect, it } from 'vitest';
import { createDeviceCookies, DEVICE_COOKIE_SECONDS } from '../../src/throttle/device-cookie.ts';
import { movedClock } from './memory-counters.ts';

const account = '0b2f6f0e-0000-4000-8000-000000000001';

describe('S15 the device cookie', () => {
  it('comes back as what it was issued for, with a device id of its own each time', () => {
    const cookies = createDeviceCookies({ keys: ['new', 'old'], clock: movedClock() });
    const [one, two] = [cookies.verify(cookies.issue(account, 3)), cookies.verify(cookies.issue(account, 3))];
    expect(one).toMatchObject({ accountId: account, passwordVersion: 3 });
    expect(one?.deviceId).not.toBe(two?.deviceId);
  });

  it('survives a rotation of keys, and dies with its key', () => {
    const clock = movedClock();
    const value = createDeviceCookies({ keys: ['old'], clock }).issue(account, 1);
    expect(createDeviceCookies({ keys: ['new', 'old'], clock }).verify(value)).toBeDefined();
    expect(createDeviceCookies({ keys: ['new'], clock }).verify(value)).toBeUndefined();
  });

  it('is void when any part is altered', () => {
    const cookies = createDeviceCookies({ keys: ['k'], clock: movedClock() });
    const value = cookies.issue(account, 1);
    for (let i = 0; i < value.length; i += 1) {
      const altered = `${value.slice(0, i)}${value[i] === '2' ? '3' : '2'}${value.slice(i + 1)}`;
      const verified = cookies.verify(altered);
      // The last character of base64url holds four spare bits: another spelling of the same MAC is still the MAC.
      if (i < value.length - 1) expect(verified).toBeUndefined();
    }
    const parts = value.split('.');
    expect(cookies.verify([...parts.slice(0, 2), '2', ...parts.slice(3)].join('.'))).toBeUndefined();
  });

  it.each([
    '',
    '1',
    '1.....',
    'x'.repeat(100_000),
    '1.a.1.1.b.c',
    `2.${account}.1.1.${'a'.repeat(22)}.${'b'.repeat(43)}`,
  ])('is nothing when it is nonsense: %#', (value) => {
    expect(createDeviceCookies({ keys: ['k'], clock: movedClock() }).verify(value)).toBeUndefined();
  });

  it('is forgotten after 180 days', () => {
    const clock = movedClock();
    const cookies = createDeviceCookies({ keys: ['k'], clock });
    const value = cookies.issue(account, 1);
    clock.forward(DEVICE_COOKIE_SECONDS - 1);
    expect(cookies.verify(value)).toBeDefined();
    clock.forward(2);
    expect(cookies.verify(value)).toBeUndefined();
  });

  it('refuses to work without a key', () => {
    expect(() => createDeviceCookies({ keys: [], clock: movedClock() })).toThrow(RangeError);
  });
});
