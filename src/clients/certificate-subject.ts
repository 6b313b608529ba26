/**
 * The subject of a client certificate, compared with what is registered (RFC 8705 section 2.1.2): a distinguished name
 * or one subject alternative name. Comparisons are exact; what cannot be read matches nothing.
 */
import type { X509Certificate } from 'node:crypto';
import { isIP, SocketAddress } from 'node:net';

/** The members of RFC 8705 section 2.1.2, of which a client has exactly one. */
export const subjectMembers = {
  tlsSubjectDn: 'tls_client_auth_subject_dn',
  tlsSanDns: 'tls_client_auth_san_dns',
  tlsSanUri: 'tls_client_auth_san_uri',
  tlsSanIp: 'tls_client_auth_san_ip',
  tlsSanEmail: 'tls_client_auth_san_email',
} as const;

export type SubjectMember = keyof typeof subjectMembers;

/** A relative distinguished name: `type=value` parts in one order, joined by a character that no part contains. */
type Rdn = string;

const SEPARATOR = '\u0000';

/** Whether the certificate's subject is the registered one. `member` by its wire name. */
export function subjectMatches(certificate: X509Certificate, member: string, expected: string): boolean {
  if (member === subjectMembers.tlsSubjectDn) {
    const wanted = readDistinguishedName(expected);
    const found = readSubject(certificate.subject);
    return wanted !== undefined && found !== undefined && wanted.join('\n') === found.join('\n');
  }
  const kind = kinds[member];
  if (!kind) return false;
  const wanted = kind.canonical(expected);
  return alternativeNames(certificate).some(
    ({ label, value }) => label === kind.label && kind.canonical(value) === wanted,
  );
}

const kinds: Readonly<Record<string, { label: string; canonical: (value: string) => string }>> = {
  // RFC 5280 section 7.2: host names are compared without regard to case; a wildcard is no name.
  tls_client_auth_san_dns: { label: 'DNS', canonical: (value) => value.toLowerCase() },
  tls_client_auth_san_uri: { label: 'URI', canonical: (value) => value },
  tls_client_auth_san_ip: { label: 'IP Address', canonical: canonicalIp },
  tls_client_auth_san_email: { label: 'email', canonical: (value) => value },
};

function canonicalIp(value: string): string {
  const family = isIP(value);
  if (family === 0) return `no address: ${value}`;
  return new SocketAddress({ address: value, family: family === 6 ? 'ipv6' : 'ipv4' }).address;
}

/**
 * Reads a distinguished name as RFC 4514 writes it, most special part first: `CN=app,O=Example,C=DE`.
 * @returns its parts in the order of the certificate; undefined when it is not written so
 */
export function readDistinguishedName(text: string): readonly Rdn[] | undefined {
  const rdns = split(text, ',')?.map(readRdn) ?? [];
  return rdns.length > 0 && rdns.every((rdn) => rdn !== undefined) ? rdns.reverse() : undefined;
}

/** The platform writes one relative name a line, escaped as RFC 2253 says, with ` + ` inside of one. */
function readSubject(subject: string | undefined): readonly Rdn[] | undefined {
  const rdns = (subject ?? '').split('\n').map((line) => readRdn(line.replaceAll(/(?<!\\) \+ /g, '+')));
  return rdns.every((rdn) => rdn !== undefined) ? rdns : undefined;
}

function readRdn(text: string): Rdn | undefined {
  const parts = (split(text, '+') ?? []).map((part) => {
    const [type = '', ...rest] = part.split('=');
    const value = unescaped(rest.join('='));
    // RFC 4514 section 3: a short name. A dotted one would be shown by its name and never match.
    const isRead = /^[A-Za-z][A-Za-z0-9-]*$/.test(type) && value !== undefined && value !== '';
    return isRead ? `${type.toUpperCase()}=${value}` : undefined;
  });
  const isRead = parts.length > 0 && parts.every((part) => part !== undefined);
  return isRead ? parts.sort().join(SEPARATOR) : undefined;
}

/** Splits at a separator that no backslash stands before; undefined when the text ends in one. */
function split(text: string, separator: string): string[] | undefined {
  const parts: string[] = [];
  let part = '';
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '\\') {
      if (at + 1 >= text.length) return undefined;
      part += text.slice(at, at + 2);
      at += 1;
    } else if (text[at] === separator) {
      parts.push(part);
      part = '';
    } else part += text[at];
  }
  return [...parts, part];
}

/** RFC 4514 section 2.4: `\,` and `\2C`; an unescaped special character is a fault. */
function unescaped(value: string): string | undefined {
  if (/^[ #]|(?<!\\) $/.test(value)) return undefined;
  const bytes: Buffer[] = [];
  for (let at = 0; at < value.length; ) {
    const hex = /^\\([0-9A-Fa-f]{2})/.exec(value.slice(at, at + 3))?.[1];
    const special = /^\\([ "#+,;<=>\\])/.exec(value.slice(at, at + 2))?.[1];
    if (hex) bytes.push(Buffer.from(hex, 'hex'));
    else if (special) bytes.push(Buffer.from(special));
    else if (/["+,;<>\\]|\p{Cc}/u.test(value[at] ?? '')) return undefined;
    else {
      const character = String.fromCodePoint(value.codePointAt(at) ?? 0);
      bytes.push(Buffer.from(character));
      at += character.length;
      continue;
    }
    at += hex ? 3 : 2;
  }
  const text = Buffer.concat(bytes).toString('utf8');
  return text.includes(SEPARATOR) || text.includes('\n') ? undefined : text;
}

/** The platform's text form, in which a value with any special character stands as a JSON string. */
function alternativeNames({ subjectAltName = '' }: X509Certificate): { label: string; value: string }[] {
  const names: { label: string; value: string }[] = [];
  const next = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  while (next.lastIndex < subjectAltName.length) {
    const [, label = '', value = ''] = next.exec(subjectAltName) ?? [];
    // A form that is not known: none of the names counts.
    if (!label) return [];
    names.push({ label, value: value.startsWith('"') ? String(JSON.parse(value)) : value });
  }
  return names;
}
