/** Who is speaking: the socket's peer, or, behind configured proxies, the right-most address that is not theirs. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type Koa from 'koa';

/** Gives the speaker's IP address, without port, brackets or IPv4-mapping. */
export type AddressReader = (
  req: Pick<IncomingMessage, 'headers'> & { socket: { remoteAddress?: string | undefined } },
) => string;

/** Longer chains than any real one are cut: the walk costs one look-up an entry. */
const MAX_HOPS = 32;

/**
 * @param trustedProxies addresses or CIDRs. Only what they say counts: X-Forwarded-For is read from the right for as
 * long as the one who added an entry is a trusted proxy. X-Real-IP, Forwarded and vendors' headers are never read.
 * @throws RangeError when an entry is neither an address nor a CIDR.
 */
export function createAddressReader(trustedProxies: readonly string[]): AddressReader {
  const isTrusted = createProxyCheck(trustedProxies);

  return (req) => {
    let speaker = cleanAddress(req.socket.remoteAddress ?? '') ?? '0.0.0.0';
    const header = req.headers['x-forwarded-for'];
    if (header === undefined || !isTrusted(speaker)) return speaker;
    const hops = (Array.isArray(header) ? header.join(',') : header).split(',').slice(-MAX_HOPS).reverse();
    for (const hop of hops) {
      const address = cleanAddress(hop);
      // An entry that is no address was not written by a proxy that works: the last one known is the speaker.
      if (!address) return speaker;
      speaker = address;
      if (!isTrusted(speaker)) return speaker;
    }
    return speaker;
  };
}

/** Whether an address is one of these proxies. @throws RangeError as createAddressReader */
export function createProxyCheck(trustedProxies: readonly string[]): (address: string) => boolean {
  const trusted = blockListOf(trustedProxies);
  return (raw) => {
    const address = cleanAddress(raw);
    return address !== undefined && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  };
}

/** Puts the speaker's address where `ctx.ip` and the engine read it. */
export function createAddressDoor(addressOf: AddressReader): Koa.Middleware {
  return (ctx, next) => {
    ctx.request.ip = addressOf(ctx.req);
    return next();
  };
}

/** Whether an address (as an AddressReader gives it) is this machine. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

/** '[2001:db8::1]:443' → '2001:db8::1', '::ffff:192.0.2.1' → '192.0.2.1', '192.0.2.1:80' → '192.0.2.1'. */
export function cleanAddress(raw: string): string | undefined {
  const text = raw.trim().slice(0, 64);
  const bare =
    /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^(\d+(?:\.\d+){3}):\d{1,5}$/.exec(text)?.[1] ?? text;
  const address = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(bare)?.[1] ?? bare.replace(/%.*$/, '').toLowerCase();
  return isIP(address) === 0 ? undefined : address;
}

function blockListOf(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [raw = '', prefix, ...rest] = entry.split('/');
    const address = cleanAddress(raw);
    const bits = prefix === undefined ? undefined : Number(prefix);
    if (!address || rest.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) {
      throw new RangeError(`"${entry}" is neither an IP address nor a CIDR.`);
    }
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  }
  return list;
}
