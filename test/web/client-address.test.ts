import { describe, expect, test } from 'vitest';
import { createAddressReader, isLoopbackAddress } from '../../src/web/client-address.ts';
import { processorMs } from '../harness/cost.ts';

const read = createAddressReader(['10.0.0.0/8', '2001:db8:ff::/48', '192.0.2.9']);
const from = (remoteAddress: string | undefined, forwarded?: string, more: Record<string, string> = {}) =>
  read({
    socket: { remoteAddress },
    headers: { ...more, ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }) },
  });

describe('S17 whose request it is', () => {
  test.each([
    ['no proxy, no header', '203.0.113.5', undefined, '203.0.113.5'],
    ['a stranger forges the header', '203.0.113.5', '1.1.1.1', '203.0.113.5'],
    ['a stranger forges a chain that ends at a proxy', '203.0.113.5', '1.1.1.1, 10.0.0.1', '203.0.113.5'],
    ['behind one proxy', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['behind two', '10.0.0.1', '198.51.100.7, 10.0.0.2', '198.51.100.7'],
    ['a forged entry on the left', '10.0.0.1', '1.1.1.1, 198.51.100.7', '198.51.100.7'],
    ['a forged trusted entry on the left', '10.0.0.1', '10.9.9.9, 198.51.100.7', '198.51.100.7'],
    ['a thousand forged entries', '10.0.0.1', `${'1.1.1.1,'.repeat(1000)}198.51.100.7`, '198.51.100.7'],
    ['rubbish on the right', '10.0.0.1', '198.51.100.7, unknown', '10.0.0.1'],
    ['an empty header', '10.0.0.1', '', '10.0.0.1'],
    ['all of them proxies', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['with a port', '10.0.0.1', '198.51.100.7:51000', '198.51.100.7'],
    ['IPv6 in brackets with a port', '10.0.0.1', '[2001:DB8::1]:443', '2001:db8::1'],
    ['IPv4 mapped into IPv6', '::ffff:10.0.0.1', '::ffff:198.51.100.7', '198.51.100.7'],
    ['an IPv6 proxy', '2001:db8:ff::2', '2001:db8:1::7', '2001:db8:1::7'],
    ['a single trusted address', '192.0.2.9', '198.51.100.7', '198.51.100.7'],
    ['its neighbour is not trusted', '192.0.2.10', '198.51.100.7', '192.0.2.10'],
    ['a socket that is gone', undefined, '198.51.100.7', '0.0.0.0'],
  ])('%s', (_, peer, header, expected) => expect(from(peer, header)).toBe(expected));

  test('headers of vendors are never read', () => {
    const others = {
      'x-real-ip': '1.1.1.1',
      'cf-connecting-ip': '1.1.1.1',
      forwarded: 'for=1.1.1.1',
      'true-client-ip': '1.1.1.1',
    };
    expect(from('10.0.0.1', undefined, others)).toBe('10.0.0.1');
  });

  test('P5 a hostile header costs no time', async () => {
    const cost = await processorMs(() => {
      from('10.0.0.1', ','.repeat(100_000));
      from('10.0.0.1', '1'.repeat(100_000));
      from('10.0.0.1', '[[['.repeat(30_000));
    });
    expect(cost).toBeLessThan(50);
  });
});

test.each(['10.0.0.0/8/8', 'proxy.example', '10.0.0.0/abc', '10.0.0.0/99', ''])(
  '"%s" is refused as a proxy',
  (entry) => {
    expect(() => createAddressReader([entry])).toThrow(RangeError);
  },
);

test('this machine', () => {
  expect(['127.0.0.1', '127.1.2.3', '::1'].every(isLoopbackAddress)).toBe(true);
  expect(['10.0.0.1', '::2', '127.evil', '1127.0.0.1'].some(isLoopbackAddress)).toBe(false);
});
