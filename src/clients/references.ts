/** What a client names that is not registered (yet): accepted, since it may come later, but said. */
import type { Kysely } from 'kysely';
import type { Database } from '../storage/tables.ts';
import { type Client, needsMutualTls } from './client.ts';
import { OIDC_SCOPES } from './resource-server.ts';
import { loadResourceServers } from './resource-servers-store.ts';

export interface MutualTlsOffer {
  /** Of the authorities that issue clients' certificates; without them tls_client_auth is not offered. */
  readonly caFile?: string | undefined;
}

/** What a client needs of this server that is not configured: until it is, the client is refused. */
export function unmetNeeds(client: Client, mutualTls: MutualTlsOffer | undefined): string[] {
  if (!needsMutualTls(client)) return [];
  if (!mutualTls) return ['Mutual TLS is not configured here: set CARDEA_MTLS_PORT or CARDEA_MTLS_HEADER.'];
  return client.authMethod === 'tls_client_auth' && !mutualTls.caFile
    ? ['No authorities of client certificates are configured here: set CARDEA_MTLS_CA_FILE.']
    : [];
}

/** @returns one sentence for each resource server and scope that nobody has registered */
export async function unknownReferences(db: Kysely<Database>, client: Client): Promise<string[]> {
  if (client.resources.length === 0 && client.scopes.length === 0) return [];
  const servers = await loadResourceServers(db);
  const audiences = new Set(servers.map((server) => server.audience));
  const scopes = new Set(servers.flatMap((server) => server.scopes.map((scope) => scope.name)));
  return [
    ...client.resources
      .filter((audience) => !audiences.has(audience))
      .map(
        (audience) =>
          `There is no resource server ${audience} yet: register it with "cardea resource create".`,
      ),
    ...client.scopes
      .filter((scope) => !scopes.has(scope) && !OIDC_SCOPES.has(scope))
      .map(
        (scope) =>
          `No resource server has the scope ${scope} yet: requests for it are refused until one has.`,
      ),
  ];
}
