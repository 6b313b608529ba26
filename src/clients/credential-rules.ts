/** Judges how a client proves who it is: by a secret, by keys, or by a certificate (RFC 7591 section 2, RFC 8705). */
import { isIP } from 'node:net';
import type { JWK } from 'jose';
import { readDistinguishedName, type SubjectMember, subjectMembers } from './certificate-subject.ts';
import type { AuthMethod, Client, FederatedSubject, Profile } from './client.ts';
import type { TypeRules } from './client-types.ts';
import { judgeFederated } from './federated-rules.ts';
import type { InputReader } from './input-reader.ts';
import { judgeJwks } from './jwks-rules.ts';
import { uriFaults } from './uri-rules.ts';

const subjects = Object.keys(subjectMembers) as SubjectMember[];

/** The members that are judged here. */
export const credentialMembers = [
  'authMethod',
  'jwks',
  'jwksUri',
  ...subjects,
  'certificateBoundTokens',
  'federated',
] as const;

/** What can be set of them. */
export interface CredentialInput {
  readonly authMethod?: AuthMethod | null | undefined;
  readonly jwks?: { readonly keys: readonly JWK[] } | null | undefined;
  readonly jwksUri?: string | null | undefined;
  readonly tlsSubjectDn?: string | null | undefined;
  readonly tlsSanDns?: string | null | undefined;
  readonly tlsSanUri?: string | null | undefined;
  readonly tlsSanIp?: string | null | undefined;
  readonly tlsSanEmail?: string | null | undefined;
  readonly certificateBoundTokens?: boolean | null | undefined;
  readonly federated?: readonly FederatedSubject[] | null | undefined;
}

export type Credentials = Pick<Client, (typeof credentialMembers)[number]>;

const httpsPage = { loopbackHttp: false, customScheme: false, carriesResponse: false };
const bySignature: ReadonlySet<AuthMethod> = new Set(['private_key_jwt', 'self_signed_tls_client_auth']);

export function judgeCredentials(
  read: InputReader,
  rules: TypeRules,
  input: { jwks?: unknown; dpopBoundTokens?: unknown; federated?: unknown },
  profile: Profile | undefined,
): Credentials {
  const usual = profile === 'fapi2' && rules.authMethod !== 'none' ? 'private_key_jwt' : rules.authMethod;
  const authMethod = read.choice('authMethod', rules.mayHaveAuthMethods) ?? usual;
  const keys = judgeKeys(read, input);
  if (bySignature.has(authMethod) && !keys.jwks && keys.jwksUri === undefined) {
    read.fault('jwks', `is required for ${authMethod}, or an address of the keys (jwks_uri)`);
  }
  if (authMethod === 'self_signed_tls_client_auth' && keys.jwks && !keys.jwks.keys.some(({ x5c }) => x5c)) {
    // RFC 8705 section 2.2.2: the certificate is the x5c of a key.
    read.fault('jwks', 'must hold a key with x5c, its certificate, for self_signed_tls_client_auth');
  }
  const bound = read.flag('certificateBoundTokens');
  if (bound && input.dpopBoundTokens === true) {
    read.fault('certificateBoundTokens', 'must not be set together with dpopBoundTokens');
  }
  return {
    authMethod,
    ...keys,
    ...judgeSubject(read, authMethod),
    ...judgeFederated(read, input.federated, authMethod === 'federated_jwt'),
    ...(bound && { certificateBoundTokens: true }),
  };
}

function judgeKeys(read: InputReader, input: { jwks?: unknown }): Pick<Credentials, 'jwks' | 'jwksUri'> {
  const judged = input.jwks == null ? undefined : judgeJwks(input.jwks);
  if (judged && 'faults' in judged) read.fault('jwks', ...judged.faults);
  const jwksUri = read.text('jwksUri');
  // Where it leads is judged when it is asked (outbound/), since a name may lead elsewhere by then.
  if (jwksUri !== undefined) read.fault('jwksUri', ...uriFaults(jwksUri, httpsPage));
  // RFC 7591 section 2: MUST NOT both be present.
  if (judged && jwksUri !== undefined) read.fault('jwksUri', 'must not be set together with jwks');
  return {
    ...(judged && 'keys' in judged && { jwks: judged }),
    ...(jwksUri !== undefined && { jwksUri }),
  };
}

/** RFC 8705 section 2.1.2: exactly one of five. */
function judgeSubject(read: InputReader, authMethod: AuthMethod): Partial<Record<SubjectMember, string>> {
  const given = subjects.flatMap((member) => {
    const value = read.text(member);
    return value === undefined ? [] : [{ member, value }];
  });
  const [first] = given;
  if (authMethod !== 'tls_client_auth') {
    for (const { member } of given)
      read.fault(member, 'is of no use: the client does not use tls_client_auth');
    return {};
  }
  if (!first || given.length > 1) {
    read.fault('tlsSubjectDn', `must be set for tls_client_auth, or one of ${subjects.slice(1).join(', ')}`);
    return {};
  }
  read.fault(first.member, ...subjectFaults(first.member, first.value));
  return { [first.member]: first.value };
}

function subjectFaults(member: SubjectMember, value: string): string[] {
  if (value.length > 512) return ['is longer than 512 characters'];
  switch (member) {
    case 'tlsSubjectDn':
      return readDistinguishedName(value)
        ? []
        : ['must be a distinguished name as in RFC 4514, most special part first: CN=app,O=Example,C=DE'];
    case 'tlsSanDns':
      return /^(?:[a-z0-9_](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(value)
        ? []
        : ['must be a host name in lower case'];
    case 'tlsSanIp':
      return isIP(value) ? [] : ['must be an IP address'];
    case 'tlsSanEmail':
      return /^[!-?A-~]+@[!-?A-~]+$/.test(value) ? [] : ['must be an e-mail address'];
    case 'tlsSanUri':
      return URL.canParse(value) && /^[!-~]+$/.test(value) ? [] : ['must be an absolute URI'];
  }
}
