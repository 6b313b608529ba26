/**
 * The rules for every URI that a client registers. Each function names all faults of one URI in words for the one who
 * sent it; an empty list means that it may be stored. URIs are compared as exact strings later on (RFC 9700
 * section 2.1), so only a URI that every parser reads alike is accepted: one that is already in the form in which
 * a browser would write it.
 */

/** Longer than any real one; short enough that a hundred of them fit in one row and one header. */
const MAX_URI_LENGTH = 2_000;

/** Parameters of authorization and logout responses: a registered one would be sent twice (CVE-2026-9689). */
const reservedParameters: ReadonlySet<string> = new Set([
  'access_token',
  'code',
  'error',
  'error_description',
  'error_uri',
  'expires_in',
  'id_token',
  'iss',
  'refresh_token',
  'response',
  'scope',
  'session_state',
  'sid',
  'state',
  'token_type',
]);

/** Schemes that a browser runs, reads or shows by itself, and never an app's own. */
const dangerousSchemes: ReadonlySet<string> = new Set([
  'about:',
  'blob:',
  'chrome:',
  'data:',
  'file:',
  'filesystem:',
  'ftp:',
  'intent:',
  'javascript:',
  'mailto:',
  'tel:',
  'vbscript:',
  'view-source:',
  'ws:',
  'wss:',
]);

const loopbackHosts: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** What a URI is for decides which schemes it may have. */
export interface UriUse {
  /** `http` with a loopback host, for development and for native apps (RFC 8252 section 7.3). */
  readonly loopbackHttp: boolean;
  /** A scheme of the app's own, in reverse-domain form (RFC 8252 section 7.1). */
  readonly customScheme: boolean;
  /** Whether responses are sent to it, so that response parameters in its query are refused. */
  readonly carriesResponse: boolean;
}

/** Whether the host is this machine itself, by one of its three usual names. */
export function isLoopbackHost(hostname: string): boolean {
  return loopbackHosts.has(hostname);
}

/**
 * Judges an origin as browsers send it (RFC 6454 section 6.2): https, or http of this machine. Compared as an exact
 * string, so only a browser's own spelling is accepted.
 */
export function originFaults(origin: string): string[] {
  const url = URL.parse(origin);
  if (origin.length > MAX_URI_LENGTH || !url) return ['is not an origin such as https://app.example.com'];
  if (origin.includes('*')) return ['holds a wildcard; every origin is registered in full'];
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (!secure) return ['must use https; http is accepted only for localhost, 127.0.0.1 and [::1]'];
  if (url.hostname.endsWith('.')) return ['has a host that ends in a dot'];
  return url.origin === origin ? [] : [`is not an origin as browsers send it; write ${url.origin}`];
}

/** What can be seen before parsing. After one of these no parser's reading is worth reporting. */
function rawFaults(uri: string): string[] {
  if (uri === '') return ['is empty'];
  if (uri.length > MAX_URI_LENGTH) return [`is longer than ${MAX_URI_LENGTH} characters`];
  const faults: string[] = [];
  if (/[\p{Cc}\s]/u.test(uri)) faults.push('holds whitespace or a control character');
  if (uri.includes('\\')) faults.push('holds a backslash');
  if (/\P{ASCII}/u.test(uri)) faults.push('holds a non-ASCII character; write a host in its xn-- form');
  if (uri.includes('*')) faults.push('holds a wildcard; every URI is registered in full');
  // RFC 6749 section 3.1.2: no fragment, and an empty one is one.
  if (uri.includes('#')) faults.push('holds a fragment');
  if (/%(?:[01][0-9a-f]|7f)/i.test(uri)) faults.push('holds an encoded control character');
  return faults;
}

function schemeFaults(url: URL, use: UriUse): string[] {
  const scheme = url.protocol.slice(0, -1);
  if (dangerousSchemes.has(url.protocol)) return [`has the scheme ${scheme}, which is never accepted`];
  if (url.protocol === 'https:') return [];
  if (url.protocol === 'http:') {
    if (use.loopbackHttp && isLoopbackHost(url.hostname)) return [];
    return [
      use.loopbackHttp
        ? 'must use https; http is accepted only for localhost, 127.0.0.1 and [::1]'
        : 'must use https',
    ];
  }
  if (!use.customScheme) return [`has the scheme ${scheme}; only https is accepted here`];
  // RFC 8252 section 7.1: a domain name under the app's control, reversed.
  if (!/^[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+$/.test(scheme)) {
    return [`has the scheme ${scheme}; a custom scheme is a reversed domain name such as com.example.app`];
  }
  return [];
}

function authorityFaults(url: URL): string[] {
  const faults: string[] = [];
  if (url.username !== '' || url.password !== '' || /^[^/?]*\/\/[^/?]*@/.test(url.href)) {
    faults.push('holds a user name or password');
  }
  const web = url.protocol === 'https:' || url.protocol === 'http:';
  if (web && url.hostname === '') faults.push('has no host');
  if (url.hostname.endsWith('.')) faults.push('has a host that ends in a dot');
  return faults;
}

/** Dot segments, upper-case hosts, default ports, shorthand addresses: whatever a browser would rewrite. */
function isCanonical(uri: string, url: URL): boolean {
  return url.href === uri || (url.pathname === '/' && url.search === '' && url.href === `${uri}/`);
}

/**
 * Judges one URI.
 * @returns what is wrong with it; nothing when it may be registered
 */
export function uriFaults(uri: string, use: UriUse): string[] {
  const raw = rawFaults(uri);
  const url = URL.parse(uri);
  if (!url) return [...raw, 'is not an absolute URI'];
  const faults = [...raw, ...schemeFaults(url, use), ...authorityFaults(url)];
  if (/%(?:2f|5c)/i.test(url.pathname) || /%25(?:25)*(?:2e|2f|5c)/i.test(url.pathname)) {
    faults.push('holds an encoded slash, backslash or dot segment in its path');
  }
  if (use.carriesResponse) {
    for (const name of new Set(url.searchParams.keys())) {
      if (reservedParameters.has(name.toLowerCase())) {
        faults.push(`holds ${name} in its query, which is a parameter of responses`);
      }
    }
  }
  if (faults.length === 0 && !isCanonical(uri, url))
    faults.push(`is not in canonical form; write ${url.href}`);
  return faults;
}
