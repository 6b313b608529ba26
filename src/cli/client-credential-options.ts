/** The options that say how a client proves who it is, and the members they make. */
import type { ClientInput } from '../clients/client-rules.ts';
import type { Input, Option } from './command.ts';

export const clientCredentialOptions: readonly Option[] = [
  {
    name: 'auth-method',
    kind: 'text',
    value: 'METHOD',
    choices: [
      'none',
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'tls_client_auth',
      'self_signed_tls_client_auth',
    ],
    help: 'how it authenticates; that of its type when not given',
  },
  {
    name: 'jwks-file',
    kind: 'file',
    value: 'FILE',
    help: 'its public keys, a JWK Set (for private_key_jwt)',
  },
  { name: 'jwks-uri', kind: 'text', value: 'URI', help: 'where it publishes them instead (https)' },
  {
    name: 'tls-subject-dn',
    kind: 'text',
    value: 'DN',
    help: 'the subject of its certificate, CN=app,O=Example (for tls_client_auth)',
  },
  { name: 'tls-san-dns', kind: 'text', value: 'NAME', help: 'instead: a DNS name in its certificate' },
  { name: 'tls-san-uri', kind: 'text', value: 'URI', help: 'instead: a URI in its certificate' },
  { name: 'tls-san-ip', kind: 'text', value: 'ADDRESS', help: 'instead: an IP address in its certificate' },
  { name: 'tls-san-email', kind: 'text', value: 'EMAIL', help: 'instead: an e-mail address in it' },
  {
    name: 'certificate-bound',
    kind: 'flag',
    help: 'its access tokens are bound to its certificate (RFC 8705)',
  },
];

/** @param text an option's text; null when it is given empty */
export function clientCredentialMembers(
  input: Input,
  text: (name: string) => string | null | undefined,
): Partial<ClientInput> {
  return {
    authMethod: text('auth-method') as ClientInput['authMethod'],
    jwksUri: text('jwks-uri'),
    tlsSubjectDn: text('tls-subject-dn'),
    tlsSanDns: text('tls-san-dns'),
    tlsSanUri: text('tls-san-uri'),
    tlsSanIp: text('tls-san-ip'),
    tlsSanEmail: text('tls-san-email'),
    certificateBoundTokens: input.flag('certificate-bound'),
  };
}
