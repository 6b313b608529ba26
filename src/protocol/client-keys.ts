/**
 * Keys that a client publishes (RFC 7591 section 2, `jwks_uri`), asked for where a request is signed with one of them and
 * nowhere else: a dead address stops no sign-in.
 */
import { decodeProtectedHeader, type JWK } from 'jose';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import type { RemoteDocuments } from '../clients/remote-documents.ts';

export interface PublishedKeys {
  readonly keys: readonly JWK[];
}

/**
 * @returns the set when this request needs it
 * @throws invalid_client, or invalid_request_object for a request object, when the set cannot be had
 */
export function createClientKeys(keySets: RemoteDocuments<PublishedKeys>) {
  return async function publishedKeys(
    ctx: KoaContextWithOIDC | undefined,
    client: Client,
  ): Promise<PublishedKeys | undefined> {
    const params = ctx?.oidc?.params;
    if (!client.jwksUri || !params) return undefined;
    const assertion = params.client_assertion;
    const signed = assertion ?? params.request;
    if (typeof signed !== 'string') return undefined;
    const kid = kidOf(signed);
    const outcome = await keySets.get(
      client.jwksUri,
      ({ keys }) => kid === undefined || keys.some((key) => key.kid === kid),
    );
    if (outcome.kind === 'document') return outcome.value;
    const why = `jwks_uri of the client: ${outcome.why}`;
    if (assertion !== undefined) throw new errors.InvalidClientAuth(why);
    throw new errors.InvalidRequestObject('the keys of this client cannot be had', why);
  };
}

function kidOf(jwt: string): string | undefined {
  try {
    return decodeProtectedHeader(jwt).kid;
  } catch {
    // The engine says what is wrong with it.
    return undefined;
  }
}
