import type { Kind } from './kinds.ts';

/** Is this host name (as `URL.hostname` gives it) the machine itself? RFC 6761 section 6.3, RFC 8252 section 7.3. */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(host)
  );
}

/**
 * The one public URL. RFC 8414 section 2: https, without query and fragment. Clients compare it character
 * by character, so the form that URL parsing would change (upper case, default port, dots) is refused.
 */
export const issuerKind: Kind<string> = {
  form: 'an https URL (http on a loopback host only) without query, fragment, user name and password',
  read(text) {
    const fault = (sentence: string) => ({ kind: 'fault', fault: sentence }) as const;
    if (!URL.canParse(text)) return fault('must be a URL such as https://id.example.com');
    const url = new URL(text);
    if (url.username || url.password) return fault('must not carry a user name or password');
    if (text.includes('?')) return fault('must not have a query');
    if (text.includes('#')) return fault('must not have a fragment');
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return fault('must begin with https://');
    if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
      return fault('must begin with https://; http is for a loopback host such as localhost only');
    }
    const plain = url.href.replace(/\/$/, '');
    if (text.replace(/\/$/, '') !== plain) return fault(`must be written in its normal form, ${plain}`);
    if (/%|\/\/|\/\.well-known(\/|$)/.test(url.pathname)) {
      return fault('must have a plain path: no %, no empty part, no .well-known');
    }
    return { kind: 'value', value: plain };
  },
};
