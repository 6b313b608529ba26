/** Which addresses an outbound request may go to: public unicast ones, and no other. */
import { BlockList, isIP } from 'node:net';

/** IANA's special-purpose registries (RFC 6890), multicast, and what only looks public. */
const specialIPv4: readonly (readonly [string, number, string])[] = [
  ['0.0.0.0', 8, 'this network'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'carrier-grade NAT'],
  ['127.0.0.0', 8, 'loopback'],
  // A virtual machine of Azure reaches its host's services here, at an address that is otherwise public.
  ['168.63.129.16', 32, 'cloud metadata'],
  ['169.254.0.0', 16, 'link-local'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'protocol assignments'],
  ['192.0.2.0', 24, 'documentation'],
  ['192.31.196.0', 24, 'AS112'],
  ['192.52.193.0', 24, 'AMT'],
  ['192.88.99.0', 24, '6to4 relay'],
  ['192.168.0.0', 16, 'private'],
  ['192.175.48.0', 24, 'AS112'],
  ['198.18.0.0', 15, 'benchmarking'],
  ['198.51.100.0', 24, 'documentation'],
  ['203.0.113.0', 24, 'documentation'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved'],
];

/** What is special inside 2000::/3; everything outside of it is refused as a whole. */
const specialIPv6: readonly (readonly [string, number, string])[] = [
  ['2001::', 23, 'protocol assignments, Teredo'],
  ['2001:db8::', 32, 'documentation'],
  ['2002::', 16, '6to4'],
  ['2620:4f:8000::', 48, 'AS112'],
  ['3fff::', 20, 'documentation'],
];

type Range = { readonly list: BlockList; readonly name: string };

const ranges = (rows: typeof specialIPv4, family: 'ipv4' | 'ipv6'): readonly Range[] =>
  rows.map(([address, prefix, name]) => ({ list: subnet(address, prefix, family), name }));

const ipv4Ranges = ranges(specialIPv4, 'ipv4');
const ipv6Ranges = ranges(specialIPv6, 'ipv6');
// RFC 4291 section 2.4: the only block of which global unicast addresses are given. NAT64 (64:ff9b::/96), mapped
// (::ffff:0:0/96), unique local (fc00::/7), link-local (fe80::/10), loopback and multicast all stand outside.
const globalUnicast = subnet('2000::', 3, 'ipv6');

/** Why this address may not be connected to; undefined when it is a public one. */
export function specialUse(address: string): string | undefined {
  const family = isIP(address);
  if (family === 4) return ipv4Ranges.find(({ list }) => list.check(address, 'ipv4'))?.name;
  if (family !== 6) return 'no address';
  const bare = address.replace(/%.*$/, '');
  if (isMapped(bare)) return 'IPv4-mapped';
  if (!globalUnicast.check(bare, 'ipv6')) return 'not global unicast';
  return ipv6Ranges.find(({ list }) => list.check(bare, 'ipv6'))?.name;
}

// BlockList looks through the mapping and would let ::ffff:10.1.2.3 pass wherever 10.1.2.3 may.
const mappedPrefix = /^(?:::|(?:0{1,4}:){5})ffff:/i;

export function isMapped(address: string): boolean {
  return mappedPrefix.test(address);
}

export function subnet(address: string, prefix: number, family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  list.addSubnet(address, prefix, family);
  return list;
}
