/** From a URL to the addresses that will be connected to, each of them judged. */
import { isIP } from 'node:net';
import { specialUse } from './addresses.ts';
import type { AllowList } from './allow-list.ts';
import { OutboundFailed, OutboundRefused } from './outbound-faults.ts';

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** Names to addresses; the system's resolver, or a test's. */
export type Resolve = (hostname: string) => Promise<readonly Address[]>;

export interface Destination {
  readonly url: URL;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** Only these are connected to: the name is not resolved a second time. */
  readonly addresses: readonly Address[];
  /** By the allow-list: the CA file counts too. */
  readonly listed: boolean;
}

/** Longer than any real one; what carries more is an attack on whoever parses it. */
const LONGEST_URL = 2048;
/** A name with more addresses than this is tried at its first ones. */
const MOST_ADDRESSES = 8;

/** @throws OutboundRefused unless it is an https URL without credentials. Number forms of IPv4 come out as addresses. */
export function checkUrl(text: string): Pick<Destination, 'url' | 'hostname' | 'port'> {
  if (text.length > LONGEST_URL) throw new OutboundRefused('url', '', 'the URL is too long');
  if (!URL.canParse(text)) throw new OutboundRefused('url', '', 'it is no URL');
  const url = new URL(text);
  if (url.protocol !== 'https:') throw new OutboundRefused('scheme', url.host, 'only https is spoken');
  if (url.username || url.password) {
    throw new OutboundRefused('credentials', url.host, 'the URL carries credentials');
  }
  return { url, hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port ? Number(url.port) : 443 };
}

/**
 * @throws OutboundRefused when any address of the name is not public and not listed: who mixes them is rebinding
 * @throws OutboundFailed when the name has no address
 */
export async function findDestination(
  checked: Pick<Destination, 'url' | 'hostname' | 'port'>,
  allow: AllowList,
  resolve: Resolve,
): Promise<Destination> {
  const { url, hostname, port } = checked;
  const literal = isIP(hostname);
  const addresses = literal
    ? [{ address: hostname, family: literal }]
    : await resolved(url.host, hostname, resolve);
  const byName = !literal && allow.allowsHost(hostname, port);
  const isListed = (address: string) => byName || allow.allowsAddress(address, port);
  for (const { address } of addresses) {
    const special = isListed(address) ? undefined : specialUse(address);
    if (special) throw new OutboundRefused('address', url.host, `its address is not public (${special})`);
  }
  return {
    ...checked,
    addresses: addresses.slice(0, MOST_ADDRESSES),
    listed: addresses.every(({ address }) => isListed(address)),
  };
}

async function resolved(host: string, hostname: string, resolve: Resolve): Promise<readonly Address[]> {
  let all: readonly Address[];
  try {
    all = await resolve(hostname);
  } catch (cause) {
    throw new OutboundFailed('name', host, 'the name cannot be resolved', { cause });
  }
  if (all.length === 0) throw new OutboundFailed('name', host, 'the name has no address');
  return all;
}
