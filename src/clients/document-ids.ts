/**
 * Client ids that are the address of the client's metadata document (OAuth Client ID Metadata Document draft 02,
 * section 3). Only one spelling of an address is an id, since ids are compared as texts.
 */
import { isIP } from 'node:net';
import type { ClientDocumentSettings } from '../config/registration.ts';
import { uriFaults } from './uri-rules.ts';

/** Long enough for a path that says which app it is, short enough for every log line. */
const MAX_LENGTH = 512;
const https = { loopbackHttp: false, customScheme: false, carriesResponse: false };

/** Whether a text has the form of such an id; costs nothing for any other one. */
export function isDocumentId(text: string): boolean {
  return text.startsWith('https://') && text.length <= MAX_LENGTH && documentIdFaults(text).length === 0;
}

/** What is wrong with an id that begins with `https://`, in words. */
export function documentIdFaults(id: string): string[] {
  // No user name, fragment, dot segment, default port or other second spelling: `uriFaults` wants the canonical form.
  const faults = uriFaults(id, https);
  const url = URL.parse(id);
  if (!url) return faults;
  if (url.href !== id || url.pathname === '/') faults.push('must have a path');
  if (id.includes('?')) faults.push('holds a query');
  if (isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0) faults.push('names an address instead of a domain');
  return faults;
}

/**
 * Whether the operator accepts documents from there.
 * @param listed hosts with a port that outbound requests may reach: other ports than 443 are accepted for these only
 */
export function isAcceptedSite(
  id: string,
  settings: ClientDocumentSettings,
  listed: readonly string[],
): boolean {
  const { hostname, host, port } = new URL(id);
  const below = (domain: string) => hostname.endsWith(`.${domain}`);
  if (settings.deny.some((entry) => below(bare(entry)) || hostname === bare(entry))) return false;
  if (port !== '' && !listed.includes(host)) return false;
  if (settings.allow.length === 0) return true;
  return settings.allow.some((entry) => (entry.startsWith('*.') ? below(bare(entry)) : hostname === entry));
}

const bare = (entry: string): string => entry.replace(/^\*\./, '');
