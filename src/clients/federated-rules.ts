/** Judges which tokens of other platforms a client is authenticated by (RFC 7523 section 3). */
import type { FederatedSubject } from './client.ts';
import type { InputReader } from './input-reader.ts';
import { uriFaults } from './uri-rules.ts';

const MAX_BINDINGS = 10;
const MAX_TEXT = 512;
const httpsPage = { loopbackHttp: false, customScheme: false, carriesResponse: false };
const known: ReadonlySet<string> = new Set(['issuer', 'subject', 'audience', 'jwksUri', 'reusable']);

type Text = string | undefined;

/** @param needed for a client that authenticates so and by nothing else */
export function judgeFederated(
  read: InputReader,
  given: unknown,
  needed: boolean,
): { readonly federated?: readonly FederatedSubject[] } {
  if (given == null) {
    if (needed) read.fault('federated', 'must name an issuer and a subject, for federated_jwt');
    return {};
  }
  if (!needed) read.fault('federated', 'is of no use: the client does not use federated_jwt');
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_BINDINGS) {
    read.fault('federated', `must be a list of 1 to ${MAX_BINDINGS} issuers with their subjects`);
    return {};
  }
  const federated = (given as readonly unknown[]).flatMap((one) => {
    const binding = judgeBinding(read, one);
    return binding ? [binding] : [];
  });
  return { federated };
}

function judgeBinding(read: InputReader, one: unknown): FederatedSubject | undefined {
  const fault = (text: string) => void read.fault('federated', text);
  if (typeof one !== 'object' || one === null) return fault('holds an entry that is no object');
  const entry = one as Readonly<Record<string, unknown>>;
  const stranger = Object.keys(entry).find((member) => !known.has(member));
  if (stranger !== undefined)
    return fault('holds a member other than issuer, subject, audience, jwksUri, reusable');
  const { issuer, subject, audience, jwksUri } = entry as Readonly<Record<string, Text>>;
  for (const [name, value] of Object.entries({ issuer, subject, audience, jwksUri })) {
    if (value == null && (name === 'audience' || name === 'jwksUri')) continue;
    if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT || /\p{Cc}/u.test(value)) {
      return fault(`has no ${name} in a text of 1 to ${MAX_TEXT} characters`);
    }
  }
  if (entry.reusable != null && typeof entry.reusable !== 'boolean')
    return fault('has a reusable that is no flag');
  if (issuer === undefined || subject === undefined) return undefined;
  for (const uri of [issuer, jwksUri]) {
    if (uri == null) continue;
    for (const text of uriFaults(uri, httpsPage)) fault(`has an address that ${text}`);
  }
  // "repo:acme*" would let in whoever registers acme-evil.
  if (subject.includes('*') && !/^[^*]*[:/]\*$/.test(subject)) {
    fault('has a subject with a * elsewhere than at its end, after : or /');
  }
  return {
    issuer,
    subject,
    ...(audience != null && { audience }),
    ...(jwksUri != null && { jwksUri }),
    ...(entry.reusable === true && { reusable: true }),
  };
}

/** Exactly, or what stands before the one `*` at the end and something after it. */
export function isBoundSubject(pattern: string, subject: string): boolean {
  if (!pattern.endsWith('*')) return pattern === subject;
  const prefix = pattern.slice(0, -1);
  return subject.startsWith(prefix) && subject.length > prefix.length;
}
