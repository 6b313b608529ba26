/**
 * Keys that a client publishes (RFC 7591 section 2, `jwks_uri`), asked for where a request is signed with one of them and
 * nowhere else: a dead address stops no sign-in.
 */
import type { X509Certificate } from 'node:crypto';
import { decodeProtectedHeader, type JWK } from 'jose';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import type { RemoteDocuments } from '../clients/remote-documents.ts';
import type { MutualTls } from './mutual-tls.ts';

export interface PublishedKeys {
  readonly keys: readonly JWK[];
}

/**
 * @returns the set when this request needs it
 * @throws invalid_client, or invalid_request_object for a request object, when the set cannot be had
 */
export function createClientKeys(
  keySets: RemoteDocuments<PublishedKeys>,
  mutualTls: Pick<MutualTls, 'certificateOf'> | undefined,
) {
  return async function publishedKeys(
    ctx: KoaContextWithOIDC | undefined,
    client: Client,
  ): Promise<PublishedKeys | undefined> {
    const params = ctx?.oidc?.params;
    if (!client.jwksUri || !ctx || !params) return undefined;
    const { request, client_assertion: assertion } = params;
    const signed = assertion ?? request;
    const isWanted =
      typeof signed === 'string'
        ? byKid(kidOf(signed))
        : client.authMethod === 'self_signed_tls_client_auth'
          ? byCertificate(mutualTls?.certificateOf(ctx.req)?.certificate)
          : undefined;
    if (!isWanted) return undefined;
    const outcome = await keySets.get(client.jwksUri, ({ keys }) => keys.some(isWanted));
    if (outcome.kind === 'document') return outcome.value;
    const why = `jwks_uri of the client: ${outcome.why}`;
    if (request === undefined || assertion !== undefined) throw new errors.InvalidClientAuth(why);
    throw new errors.InvalidRequestObject('the keys of this client cannot be had', why);
  };
}

type IsWanted = (key: JWK) => boolean;

const byKid =
  (kid: string | undefined): IsWanted =>
  (key) =>
    kid === undefined || key.kid === kid;

function byCertificate(certificate: X509Certificate | undefined): IsWanted | undefined {
  const own = certificate?.raw.toString('base64');
  return own === undefined ? undefined : ({ x5c }) => x5c?.[0] === own;
}

function kidOf(jwt: string): string | undefined {
  try {
    return decodeProtectedHeader(jwt).kid;
  } catch {
    // The engine says what is wrong with it.
    return undefined;
  }
}
