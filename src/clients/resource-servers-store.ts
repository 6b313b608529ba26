/** The SQL of resource servers. Every function runs on the database or transaction that it is given. */
import type { Kysely, Selectable } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { ResourceServerTable } from '../storage/tables-clients.ts';
import { frozen } from './frozen.ts';
import type { JudgedResourceServer } from './resource-rules.ts';
import type { AccessTokenAlg, ResourceServer } from './resource-server.ts';

function toResourceServer(row: Selectable<ResourceServerTable>): ResourceServer {
  return frozen({
    audience: row.audience,
    name: row.name,
    scopes: row.scopes,
    tokenFormat: row.token_format === 'opaque' ? 'opaque' : 'jwt',
    signingAlg: row.signing_alg as AccessTokenAlg,
    ...(row.access_token_ttl_seconds !== null && { accessTokenTtlSeconds: row.access_token_ttl_seconds }),
    ...(row.authorization_types.length > 0 && { authorizationTypes: row.authorization_types }),
    ...(row.introspection_client_id !== null && { introspectionClientId: row.introspection_client_id }),
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  });
}

function columnsOf(server: JudgedResourceServer) {
  return {
    name: server.name,
    scopes: JSON.stringify(server.scopes),
    token_format: server.tokenFormat,
    access_token_ttl_seconds: server.accessTokenTtlSeconds ?? null,
    introspection_client_id: server.introspectionClientId ?? null,
    signing_alg: server.signingAlg,
    authorization_types: JSON.stringify(server.authorizationTypes ?? []),
  };
}

/** All of them, by audience: there are few. */
export async function loadResourceServers(db: Kysely<Database>): Promise<ResourceServer[]> {
  const rows = await db.selectFrom('resource_servers').selectAll().orderBy('audience').execute();
  return rows.map(toResourceServer);
}

export async function findResourceServer(
  db: Kysely<Database>,
  audience: string,
  lock = false,
): Promise<ResourceServer | undefined> {
  let query = db.selectFrom('resource_servers').selectAll().where('audience', '=', audience);
  if (lock) query = query.forUpdate();
  const row = await query.executeTakeFirst();
  return row && toResourceServer(row);
}

/** @returns false when the audience is taken */
export async function insertResourceServer(
  db: Kysely<Database>,
  server: JudgedResourceServer,
  at: Date,
): Promise<boolean> {
  const row = await db
    .insertInto('resource_servers')
    .values({ audience: server.audience, ...columnsOf(server), created_at: at, updated_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .returning('audience')
    .executeTakeFirst();
  return row !== undefined;
}

export async function updateResourceServer(
  db: Kysely<Database>,
  server: JudgedResourceServer,
  at: Date,
): Promise<void> {
  await db
    .updateTable('resource_servers')
    .set({ ...columnsOf(server), updated_at: at })
    .where('audience', '=', server.audience)
    .execute();
}

export async function deleteResourceServer(db: Kysely<Database>, audience: string): Promise<boolean> {
  const row = await db
    .deleteFrom('resource_servers')
    .where('audience', '=', audience)
    .returning('audience')
    .executeTakeFirst();
  return row !== undefined;
}
