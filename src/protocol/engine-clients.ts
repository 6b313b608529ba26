/**
 * Clients as the engine wants them. The directory gives one frozen object for each client until it changes; what the
 * engine builds from it is kept beside that object, so 10,000 clients in use cost no more a request than one (the
 * engine's own cache holds 100).
 */
import type { ClientMetadata, KoaContextWithOIDC, Provider } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { subjectMembers } from '../clients/certificate-subject.ts';
import { type Client, hasSecret } from '../clients/client.ts';
import { isSenderConstrained, isStrict } from '../clients/profile-rules.ts';
import { OIDC_SCOPES } from '../clients/resource-server.ts';
import type { ClientType } from '../config/lifetimes.ts';
import type { PublishedKeys } from './client-keys.ts';

type EngineClient = InstanceType<Provider['Client']>;

export interface EngineClients {
  find(id: unknown): Promise<EngineClient | undefined>;
  /** The registered client behind the engine's object. */
  clientOf(engineClient: object | undefined): Client | undefined;
  typeOf(engineClient: object | undefined): ClientType;
}

/**
 * @param lookup finds an active client; disabled and deleted ones are absent
 * @param publishedKeys the set at the client's address when this request needs it (client-keys.ts); the same object
 * until it changes
 * @param whyAbsent what is recorded of a client that was not found
 */
export function createEngineClients(
  build: (metadata: ClientMetadata) => EngineClient,
  lookup: (clientId: string) => Promise<Client | undefined>,
  publishedKeys: (client: Client) => Promise<PublishedKeys | undefined>,
  whyAbsent: (clientId: string) => Promise<string | undefined>,
): EngineClients {
  // Beside the client, or beside the set of keys with which it was built.
  const built = new WeakMap<Client, EngineClient>();
  const builtWithKeys = new WeakMap<Client, { keys: PublishedKeys; engineClient: EngineClient }>();
  const behind = new WeakMap<object, Client>();

  function buildOnce(client: Client, keys: PublishedKeys | undefined): EngineClient {
    const before = keys ? builtWithKeys.get(client) : undefined;
    const known = keys ? (before?.keys === keys ? before.engineClient : undefined) : built.get(client);
    if (known) return known;
    const engineClient = build(metadataOf(client, keys));
    behind.set(engineClient, client);
    if (keys) builtWithKeys.set(client, { keys, engineClient });
    else built.set(client, engineClient);
    return engineClient;
  }

  return {
    async find(id) {
      if (typeof id !== 'string' || !id) return undefined;
      const client = await lookup(id);
      if (client?.status !== 'active') {
        const why = await whyAbsent(id);
        if (why !== undefined) throw new errors.InvalidClient('client is invalid', why);
        return undefined;
      }
      return buildOnce(client, await publishedKeys(client));
    },
    clientOf: (engineClient) => engineClient && behind.get(engineClient),
    typeOf: (engineClient) => (engineClient && behind.get(engineClient)?.type) || 'web',
  };
}

/** The client of this request, as registered. @throws when the engine has found none yet */
export function requestClient(clients: EngineClients, ctx: KoaContextWithOIDC): Client {
  const client = clients.clientOf(ctx.oidc.client);
  if (!client) throw new Error('no client on this request');
  return client;
}

/** Whether no token is issued without a DPoP proof. */
function needsProof(client: Client): boolean {
  return client.dpopBoundTokens === true || (isStrict(client.profile) && !isSenderConstrained(client));
}

/** Metadata by its wire names (RFC 7591 section 2). */
function metadataOf(client: Client, published: PublishedKeys | undefined): ClientMetadata {
  const keys = published?.keys ?? client.jwks?.keys;
  // The engine knows OpenID Connect's scopes only; an API's are judged in resources.ts.
  const scopes = client.scopes.filter((scope) => OIDC_SCOPES.has(scope));
  return {
    client_id: client.clientId,
    client_name: client.name,
    application_type: client.type === 'native' ? 'native' : 'web',
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...client.postLogoutRedirectUris],
    grant_types: [...client.grantTypes],
    response_types: [...client.responseTypes] as NonNullable<ClientMetadata['response_types']>,
    token_endpoint_auth_method:
      // The engine knows no such method; workload-identity.ts puts a ticket where it looks for a secret.
      client.authMethod === 'federated_jwt' ? 'client_secret_post' : client.authMethod,
    id_token_signed_response_alg: client.idTokenAlg,
    authorization_signed_response_alg: client.authorizationAlg ?? client.idTokenAlg,
    introspection_signed_response_alg: client.introspectionAlg ?? client.idTokenAlg,
    ...(client.userinfoAlg ? { userinfo_signed_response_alg: client.userinfoAlg } : {}),
    // By its profile too, whatever its flags say: a profile is what was promised to the APIs behind.
    require_pushed_authorization_requests: client.requirePushedRequests === true || isStrict(client.profile),
    require_signed_request_object: client.requireSignedRequests ?? false,
    dpop_bound_access_tokens: needsProof(client),
    subject_type: client.subjectType ?? 'public',
    ...(client.sectorIdentifierUri ? { sector_identifier_uri: client.sectorIdentifierUri } : {}),
    // The engine insists on a value; the real secrets are digests and compared in engine-overrides.ts.
    ...(hasSecret(client) || client.authMethod === 'federated_jwt'
      ? { client_secret: 'compared elsewhere' }
      : {}),
    ...(keys
      ? { jwks: { keys: keys.map((key) => ({ ...key })) } as NonNullable<ClientMetadata['jwks']> }
      : {}),
    // The engine would keep a withdrawn key for as long as it verifies: it is told the address only where no key is needed.
    ...(!keys && client.jwksUri ? { jwks_uri: client.jwksUri } : {}),
    ...certificateMetadata(client),
    ...(client.backchannelLogoutUri
      ? { backchannel_logout_uri: client.backchannelLogoutUri, backchannel_logout_session_required: true }
      : {}),
    ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
    ...(client.logoUri ? { logo_uri: client.logoUri } : {}),
    ...(client.policyUri ? { policy_uri: client.policyUri } : {}),
    ...(client.tosUri ? { tos_uri: client.tosUri } : {}),
    ...(client.clientUri ? { client_uri: client.clientUri } : {}),
  };
}

function certificateMetadata(client: Client): Readonly<Record<string, string | boolean>> {
  const { tlsSubjectDn, tlsSanDns, tlsSanUri, tlsSanIp, tlsSanEmail, certificateBoundTokens } = client;
  return {
    ...(tlsSubjectDn ? { [subjectMembers.tlsSubjectDn]: tlsSubjectDn } : {}),
    ...(tlsSanDns ? { [subjectMembers.tlsSanDns]: tlsSanDns } : {}),
    ...(tlsSanUri ? { [subjectMembers.tlsSanUri]: tlsSanUri } : {}),
    ...(tlsSanIp ? { [subjectMembers.tlsSanIp]: tlsSanIp } : {}),
    ...(tlsSanEmail ? { [subjectMembers.tlsSanEmail]: tlsSanEmail } : {}),
    ...(certificateBoundTokens ? { tls_client_certificate_bound_access_tokens: true } : {}),
  };
}
