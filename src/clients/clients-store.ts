/** The SQL of clients. Every function runs on the database or transaction that it is given. */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { ClientTable } from '../storage/tables-clients.ts';
import type { Client, ClientType } from './client.ts';
import type { JudgedClient } from './client-rules.ts';
import { frozen } from './frozen.ts';
import type { StoredSecret } from './secrets.ts';

/** A client with its secrets, as one read brings them. */
export interface ClientWithSecrets {
  readonly client: Client;
  readonly secrets: readonly StoredSecret[];
}

type ClientRow = Selectable<ClientTable>;

/** What the row keeps as columns; all else of a client is its metadata. */
function metadataOf(client: JudgedClient): string {
  const { clientId, name, type, ...metadata } = client;
  return JSON.stringify(metadata);
}

function toClient(row: ClientRow): Client {
  // Written by this room alone, from a JudgedClient.
  const metadata = row.metadata as unknown as Omit<JudgedClient, 'clientId' | 'name' | 'type'>;
  return frozen({
    ...metadata,
    clientId: row.client_id,
    name: row.name,
    type: row.type as ClientType,
    status: row.status === 'active' ? 'active' : 'disabled',
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
    secretsVersion: row.secrets_version,
  });
}

/** @returns false when the id is taken */
export async function insertClient(db: Kysely<Database>, client: JudgedClient, at: Date): Promise<boolean> {
  const { clientId, name, type } = client;
  const row = await db
    .insertInto('clients')
    .values({
      client_id: clientId,
      name,
      type,
      status: 'active',
      metadata: metadataOf(client),
      secrets_version: 0,
      created_at: at,
      updated_at: at,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('client_id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function updateClient(db: Kysely<Database>, client: JudgedClient, at: Date): Promise<void> {
  await db
    .updateTable('clients')
    .set({ name: client.name, metadata: metadataOf(client), updated_at: at })
    .where('client_id', '=', client.clientId)
    .execute();
}

/** @returns false when it was so already, or there is no such client */
export async function setStatus(
  db: Kysely<Database>,
  clientId: string,
  status: Client['status'],
  at: Date,
): Promise<boolean> {
  const row = await db
    .updateTable('clients')
    .set({ status, updated_at: at })
    .where('client_id', '=', clientId)
    .where('status', '<>', status)
    .returning('client_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Secrets go with it. @returns false when there was none */
export async function deleteClient(db: Kysely<Database>, clientId: string): Promise<boolean> {
  const row = await db
    .deleteFrom('clients')
    .where('client_id', '=', clientId)
    .returning('client_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** @param lock holds the row until the transaction ends, so that two updates do not undo each other */
export async function findClient(
  db: Kysely<Database>,
  clientId: string,
  lock = false,
): Promise<Client | undefined> {
  let query = db.selectFrom('clients').selectAll().where('client_id', '=', clientId);
  if (lock) query = query.forUpdate();
  const row = await query.executeTakeFirst();
  return row && toClient(row);
}

/** A client and its secrets in one statement. */
export async function loadClient(
  db: Kysely<Database>,
  clientId: string,
): Promise<ClientWithSecrets | undefined> {
  const { rows } = await sql<ClientRow & { secrets: [string, string, number, number | null][] }>`
    select clients.*, coalesce((
      select jsonb_agg(jsonb_build_array(secret_id, digest,
        (extract(epoch from client_secrets.created_at) * 1000)::bigint,
        (extract(epoch from expires_at) * 1000)::bigint) order by client_secrets.created_at desc)
      from client_secrets where client_secrets.client_id = clients.client_id), '[]'::jsonb) as secrets
    from clients where clients.client_id = ${clientId}`.execute(db);
  const [row] = rows;
  if (!row) return undefined;
  const { secrets, ...client } = row;
  return {
    client: toClient(client),
    secrets: secrets.map(([secretId, digest, createdAt, expiresAt]) => ({
      secretId,
      digest,
      createdAt,
      ...(expiresAt !== null && { expiresAt }),
    })),
  };
}

/** By id, ascending. */
export async function listClients(
  db: Kysely<Database>,
  page: { after?: string | undefined; limit: number },
): Promise<Client[]> {
  let query = db.selectFrom('clients').selectAll();
  if (page.after !== undefined) query = query.where('client_id', '>', page.after);
  const rows = await query.orderBy('client_id').limit(page.limit).execute();
  return rows.map(toClient);
}
