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
      'federated_jwt',
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
    name: 'federated-issuer',
    kind: 'text',
    value: 'URI',
    help: 'whose tokens authenticate it (for federated_jwt): Kubernetes, GitHub Actions, SPIFFE …',
  },
  {
    name: 'federated-subject',
    kind: 'texts',
    value: 'SUBJECT',
    help: 'a subject of that issuer, or with * at the end after : or /; may be given again',
  },
  {
    name: 'federated-audience',
    kind: 'text',
    value: 'AUDIENCE',
    help: 'the audience of those tokens; our issuer when not given',
  },
  {
    name: 'federated-jwks-uri',
    kind: 'text',
    value: 'URI',
    help: 'the keys of that issuer; as its metadata says when not given',
  },
  {
    name: 'federated-reusable',
    kind: 'flag',
    help: 'one token may serve many requests, as Kubernetes gives them',
  },
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
    federated: federatedOf(input, text),
    certificateBoundTokens: input.flag('certificate-bound'),
  };
}

/** Every subject with the one issuer; the rules say what is missing. */
function federatedOf(
  input: Input,
  text: (name: string) => string | null | undefined,
): ClientInput['federated'] | undefined {
  const [issuer, subjects] = [text('federated-issuer'), input.texts('federated-subject')];
  if (issuer === null) return null;
  const [audience, jwksUri] = [text('federated-audience'), text('federated-jwks-uri')];
  const reusable = input.flag('federated-reusable');
  const given = [issuer, subjects, audience, jwksUri, reusable];
  if (given.every((one) => one === undefined)) return undefined;
  return (subjects ?? ['']).map((subject) => ({
    issuer: issuer ?? '',
    subject,
    ...(audience && { audience }),
    ...(jwksUri && { jwksUri }),
    ...(reusable && { reusable }),
  }));
}
