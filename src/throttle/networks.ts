/**
 * What counts as one network. A person who has one IPv4 address is one network; who has one IPv6 line has at least a
 * /64 (RFC 6177 section 2), so that counting single IPv6 addresses would count nothing.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** What an address that is none is counted under: all of them together, so that nonsense buys no counter of its own. */
const UNKNOWN = 'unknown';

/**
 * The network of an address: IPv4 as it is, IPv6 as its /64 (`2001:db8:0:1::/64`), IPv4-mapped IPv6
 * (RFC 4291 section 2.5.5.2, also in hexadecimal form) as the IPv4 address in it. Zone ids are dropped.
 */
export function networkOf(ip: string): string {
  if (isIPv4(ip)) return ip;
  const bare = ip
    .trim()
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/, '');
  if (isIPv4(bare)) return bare;
  if (!isIPv6(bare)) return UNKNOWN;
  const groups = groupsOf(bare);
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return bytesOf(groups.slice(6)).join('.');
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(ip: string): number[] {
  const hexadecimal = ip.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) => {
    const high = (Number(a) << 8) | Number(b);
    const low = (Number(c) << 8) | Number(d);
    return `${high.toString(16)}:${low.toString(16)}`;
  });
  const [head = '', tail] = hexadecimal.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
}

function bytesOf(groups: readonly number[]): number[] {
  return groups.flatMap((group) => [group >> 8, group & 0xff]);
}
