/** What a client names that is not registered (yet): accepted, since it may come later, but said. */
import type { Kysely } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { Client } from './client.ts';
import { OIDC_SCOPES } from './resource-server.ts';
import { loadResourceServers } from './resource-servers-store.ts';

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
