/** The SQL of providers. Every function runs on the database or transaction that it is given. */
import type { Kysely, Selectable } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { UpstreamProviderTable } from '../storage/tables-upstream.ts';
import type { Provider } from './provider.ts';
import type { JudgedProvider } from './provider-rules.ts';

type Db = Kysely<Database>;

export interface StoredProvider {
  readonly provider: Provider;
  readonly sealedSecret: string | undefined;
}

function settingsOf(provider: JudgedProvider): string {
  const { providerId, name, ...settings } = provider;
  return JSON.stringify(settings);
}

function stored(row: Selectable<UpstreamProviderTable>): StoredProvider {
  // Written by this room alone, from a JudgedProvider.
  const settings = row.settings as unknown as Omit<JudgedProvider, 'providerId' | 'name'>;
  return {
    provider: Object.freeze({
      ...settings,
      providerId: row.provider_id,
      name: row.name,
      enabled: row.enabled,
      createdAt: row.created_at.getTime(),
      updatedAt: row.updated_at.getTime(),
    }),
    sealedSecret: row.sealed_secret ?? undefined,
  };
}

/** @returns false when the id is taken */
export async function insertProvider(
  db: Db,
  provider: JudgedProvider,
  sealedSecret: string | undefined,
  at: number,
): Promise<boolean> {
  const row = await db
    .insertInto('upstream_providers')
    .values({
      provider_id: provider.providerId,
      name: provider.name,
      settings: settingsOf(provider),
      sealed_secret: sealedSecret ?? null,
      created_at: new Date(at),
      updated_at: new Date(at),
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('provider_id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function updateProvider(
  db: Db,
  provider: JudgedProvider,
  sealedSecret: string | undefined,
  at: number,
): Promise<void> {
  await db
    .updateTable('upstream_providers')
    .set({
      name: provider.name,
      settings: settingsOf(provider),
      sealed_secret: sealedSecret ?? null,
      updated_at: new Date(at),
    })
    .where('provider_id', '=', provider.providerId)
    .execute();
}

/** @returns false when it was so already, or there is none */
export async function setEnabled(db: Db, providerId: string, enabled: boolean, at: number): Promise<boolean> {
  const row = await db
    .updateTable('upstream_providers')
    .set({ enabled, updated_at: new Date(at) })
    .where('provider_id', '=', providerId)
    .where('enabled', '<>', enabled)
    .returning('provider_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** @param lock holds the row until the transaction ends, so that two updates do not undo each other */
export async function findProvider(
  db: Db,
  providerId: string,
  lock = false,
): Promise<StoredProvider | undefined> {
  let query = db.selectFrom('upstream_providers').selectAll().where('provider_id', '=', providerId);
  if (lock) query = query.forUpdate();
  const row = await query.executeTakeFirst();
  return row && stored(row);
}

export async function countProviders(db: Db): Promise<number> {
  const row = await db
    .selectFrom('upstream_providers')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}

/** In the order in which they were made, which is the order of their buttons. */
export async function listProviders(db: Db): Promise<readonly StoredProvider[]> {
  const rows = await db
    .selectFrom('upstream_providers')
    .selectAll()
    .orderBy('created_at')
    .orderBy('provider_id')
    .execute();
  return rows.map(stored);
}

export async function deleteProvider(db: Db, providerId: string): Promise<boolean> {
  const row = await db
    .deleteFrom('upstream_providers')
    .where('provider_id', '=', providerId)
    .returning('provider_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Under another master key. */
export async function storeSealedSecret(db: Db, providerId: string, sealed: string): Promise<void> {
  await db
    .updateTable('upstream_providers')
    .set({ sealed_secret: sealed })
    .where('provider_id', '=', providerId)
    .execute();
}
