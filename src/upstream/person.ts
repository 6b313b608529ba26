/** Who came back from a provider, as far as what it said can be read: typed strictly, and bounded. */
import type { Provider, TrustedLevel } from './provider.ts';

export interface UpstreamPerson {
  readonly providerId: string;
  /** Of the ID token; of the provider where there is none. */
  readonly issuer: string;
  readonly subject: string;
  /** As the provider wrote it; nothing is proved by it. */
  readonly email?: string;
  /** The provider says that it is verified, and the operator believes it. */
  readonly emailTrusted: boolean;
  /** Values for standard claims, by our names; judged where an account is made of them. */
  readonly profile: Readonly<Record<string, string>>;
  /** Only where the operator takes a value of theirs for a level of ours. */
  readonly level?: TrustedLevel;
}

export type Claims = Readonly<Record<string, unknown>>;

/** OpenID Connect Core section 2: a subject has at most 255 ASCII characters. */
const SUBJECT = /^[\x21-\x7E]{1,255}$/;
/** Longer than any address (RFC 5321: 254 octets) or name; what an account takes is judged again there. */
const MAX_VALUE = 2_000;

/** Undefined when nobody is named. */
export function personOf(
  provider: Provider,
  issuer: string,
  idToken: Claims | undefined,
  userinfo: Claims,
): UpstreamPerson | undefined {
  // What the ID token says is signed, so it wins; userinfo adds what it leaves out.
  const claims: Claims = { ...userinfo, ...idToken };
  const subject = textAt(claims, provider.kind === 'oidc' ? 'sub' : provider.claims.sub, SUBJECT);
  if (subject === undefined) return undefined;
  const email = textAt(claims, provider.claims.email ?? 'email', /^[^\p{Cc}]{3,254}$/u);
  const verified = valueAt(claims, provider.claims.email_verified ?? 'email_verified');
  const level = levelOf(provider, idToken);
  return {
    providerId: provider.providerId,
    issuer,
    subject,
    ...(email !== undefined && { email }),
    // Some providers write the word instead of the value.
    emailTrusted:
      provider.trustEmailVerified && email !== undefined && (verified === true || verified === 'true'),
    profile: profileOf(provider, claims),
    ...(level && { level }),
  };
}

function profileOf(provider: Provider, claims: Claims): Record<string, string> {
  const profile: Record<string, string> = {};
  for (const [claim, path] of Object.entries(provider.claims)) {
    if (claim === 'sub' || claim === 'email' || claim === 'email_verified') continue;
    const value = valueAt(claims, path);
    if (typeof value === 'string' && value !== '' && value.length <= MAX_VALUE) profile[claim] = value;
  }
  return profile;
}

/** The highest level that the operator reads from the signed ID token; userinfo is not asked. */
function levelOf(provider: Provider, idToken: Claims | undefined): TrustedLevel | undefined {
  const methods = Array.isArray(idToken?.amr) ? idToken.amr.slice(0, 50) : [];
  const levels = provider.trusted
    .filter(({ claim, value }) => (claim === 'acr' ? idToken?.acr === value : methods.includes(value)))
    .map(({ level }) => level)
    .sort();
  return levels.at(-1);
}

function textAt(claims: Claims, path: string | undefined, shape: RegExp): string | undefined {
  const value = path === undefined ? undefined : valueAt(claims, path);
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && shape.test(text) ? text : undefined;
}

/** A claim by its whole name first: some names hold dots (`https://example.com/name`). Only what the object itself has. */
export function valueAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Claims)[name];
  }
  return value;
}
