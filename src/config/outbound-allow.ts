import { isIP } from 'node:net';
import type { Kind } from './kinds.ts';

/** One entry of the allow-list: a host by its exact name, or a network; at one port, or at all of them. */
export type AllowEntry =
  | { readonly kind: 'host'; readonly host: string; readonly port?: number }
  | { readonly kind: 'network'; readonly address: string; readonly prefix: number; readonly port?: number };

const hostName = /^(?=.{1,253}$)(?!.*\.\.)[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/;

/**
 * `idp.internal`, `idp.internal:8443`, `10.1.0.0/16`, `10.1.2.3:8443`, `[fd00::1]:8443`, `fd00::/8`.
 * @returns undefined when it is none of these, or all addresses
 */
export function readAllowEntry(text: string): AllowEntry | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^[\]]+?))(?::(\d{1,5}))?$/.exec(text.toLowerCase());
  // An IPv6 address without brackets would lose its last group to the port.
  const bare = text.toLowerCase();
  const [host = '', port] =
    isIP(bare.split('/')[0] ?? '') === 6 ? [bare] : [parts?.[1] ?? parts?.[2], parts?.[3]];
  const number = port === undefined ? undefined : Number(port);
  if (number !== undefined && (number < 1 || number > 65_535)) return undefined;
  const at = number === undefined ? {} : { port: number };
  const [address = '', prefix, ...rest] = host.split('/');
  const bits = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : 0;
  if (bits === 0) {
    // What looks like a number would be an address by another spelling.
    return hostName.test(host) && !/(?:^|\.)(?:0x[0-9a-f]*|\d+)$/.test(host)
      ? { kind: 'host', host, ...at }
      : undefined;
  }
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : 0;
  if (rest.length > 0 || length < 1 || length > bits || address.includes('%')) return undefined;
  return { kind: 'network', address, prefix: length, ...at };
}

/** Entries as they were written, each of which `readAllowEntry` can read. */
export const allowEntries: Kind<readonly string[]> = {
  form: 'hosts and networks such as `idp.internal, idp.internal:8443, 10.1.0.0/16`, separated by commas',
  read(text) {
    const entries = text.split(/[\s,]+/).filter(Boolean);
    return entries.length <= 256 && entries.every((entry) => readAllowEntry(entry))
      ? { kind: 'value', value: entries }
      : {
          kind: 'fault',
          fault:
            'must be at most 256 hosts and networks such as idp.internal:8443, 10.1.0.0/16 (not all addresses), separated by commas',
        };
  },
};
