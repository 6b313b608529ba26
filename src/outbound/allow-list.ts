/** What an operator lets requests go to although its address is not public: exactly what is listed. */
import { type BlockList, isIP } from 'node:net';
import { readAllowEntry } from '../config/outbound-allow.ts';
import { isMapped, subnet } from './addresses.ts';

export interface AllowList {
  /** By the name as it stands in the URL: whatever it resolves to is allowed. */
  allowsHost(hostname: string, port: number): boolean;
  /** By the address that would be connected to. */
  allowsAddress(address: string, port: number): boolean;
}

/** @throws RangeError on an entry that is neither a host nor a network */
export function createAllowList(entries: readonly string[]): AllowList {
  const hosts: { host: string; port: number | undefined }[] = [];
  const networks: { list: BlockList; family: number; port: number | undefined }[] = [];
  for (const text of entries) {
    const entry = readAllowEntry(text);
    if (!entry) throw new RangeError('an entry of the allow-list is neither a host nor a network');
    if (entry.kind === 'host') hosts.push({ host: entry.host, port: entry.port });
    else {
      const family = isIP(entry.address);
      const list = subnet(entry.address, entry.prefix, family === 6 ? 'ipv6' : 'ipv4');
      networks.push({ list, family, port: entry.port });
    }
  }
  const at = (entry: { port: number | undefined }, port: number) =>
    entry.port === undefined || entry.port === port;
  return {
    allowsHost: (hostname, port) => hosts.some((entry) => entry.host === hostname && at(entry, port)),
    allowsAddress(address, port) {
      const bare = address.replace(/%.*$/, '');
      const family = isIP(bare);
      if (family === 0 || isMapped(bare)) return false;
      return networks.some(
        (entry) =>
          entry.family === family &&
          entry.list.check(bare, family === 6 ? 'ipv6' : 'ipv4') &&
          at(entry, port),
      );
    },
  };
}
