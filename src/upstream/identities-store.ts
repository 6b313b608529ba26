/** The SQL of who accounts are at other providers. */
import type { Kysely, Selectable } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { UpstreamIdentityTable } from '../storage/tables-upstream.ts';

type Db = Kysely<Database>;

/** Who somebody is at a provider (OpenID Connect Core section 5.7): the subject alone says nothing. */
export interface IdentityKey {
  readonly providerId: string;
  readonly issuer: string;
  readonly subject: string;
}

/** Times are milliseconds since the epoch. */
export interface LinkedIdentity extends IdentityKey {
  readonly accountId: string;
  /** As the provider said when it was linked. */
  readonly email?: string;
  readonly linkedAt: number;
  readonly lastUsedAt?: number;
}

const linked = (row: Selectable<UpstreamIdentityTable>): LinkedIdentity => ({
  providerId: row.provider_id,
  issuer: row.issuer,
  subject: row.subject,
  accountId: row.account_id,
  ...(row.email !== null && { email: row.email }),
  linkedAt: row.linked_at.getTime(),
  ...(row.last_used_at && { lastUsedAt: row.last_used_at.getTime() }),
});

export async function findIdentity(db: Db, key: IdentityKey): Promise<LinkedIdentity | undefined> {
  const row = await db
    .selectFrom('upstream_identities')
    .selectAll()
    .where('provider_id', '=', key.providerId)
    .where('issuer', '=', key.issuer)
    .where('subject', '=', key.subject)
    .executeTakeFirst();
  return row && linked(row);
}

/** @returns false when somebody at that provider is linked already, to whichever account */
export async function insertIdentity(
  trx: Db,
  key: IdentityKey,
  link: { accountId: string; email?: string | undefined; at: number; used: boolean },
): Promise<boolean> {
  const at = new Date(link.at);
  const row = await trx
    .insertInto('upstream_identities')
    .values({
      provider_id: key.providerId,
      issuer: key.issuer,
      subject: key.subject,
      account_id: link.accountId,
      email: link.email ?? null,
      linked_at: at,
      last_used_at: link.used ? at : null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('account_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** One statement: the link that is used is the link that is there. */
export async function touchIdentity(db: Db, key: IdentityKey, at: number): Promise<string | undefined> {
  const row = await db
    .updateTable('upstream_identities')
    .set({ last_used_at: new Date(at) })
    .where('provider_id', '=', key.providerId)
    .where('issuer', '=', key.issuer)
    .where('subject', '=', key.subject)
    .returning('account_id')
    .executeTakeFirst();
  return row?.account_id;
}

/** Oldest first. */
export async function listIdentities(db: Db, accountId: string): Promise<readonly LinkedIdentity[]> {
  const rows = await db
    .selectFrom('upstream_identities')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('linked_at')
    .orderBy('subject')
    .execute();
  return rows.map(linked);
}

/** Only the account's own. @returns false when it was not linked to this account */
export async function deleteIdentity(trx: Db, accountId: string, key: IdentityKey): Promise<boolean> {
  const row = await trx
    .deleteFrom('upstream_identities')
    .where('account_id', '=', accountId)
    .where('provider_id', '=', key.providerId)
    .where('issuer', '=', key.issuer)
    .where('subject', '=', key.subject)
    .returning('subject')
    .executeTakeFirst();
  return row !== undefined;
}

/** Those linked at that time (ms) or after it. @returns of which providers */
export async function deleteIdentitiesSince(
  trx: Db,
  accountId: string,
  since: number,
): Promise<readonly string[]> {
  const rows = await trx
    .deleteFrom('upstream_identities')
    .where('account_id', '=', accountId)
    .where('linked_at', '>=', new Date(since))
    .returning('provider_id')
    .execute();
  return rows.map((row) => row.provider_id);
}

export async function countIdentities(db: Db, providerId: string): Promise<number> {
  const row = await db
    .selectFrom('upstream_identities')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('provider_id', '=', providerId)
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}

/** Whether the account can be signed in to by a provider that is enabled. */
export async function hasWorkingIdentity(db: Db, accountId: string): Promise<boolean> {
  const row = await db
    .selectFrom('upstream_identities as identity')
    .innerJoin('upstream_providers as provider', 'provider.provider_id', 'identity.provider_id')
    .select('identity.subject')
    .where('identity.account_id', '=', accountId)
    .where('provider.enabled', '=', true)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** For "download my data". */
export async function exportIdentities(db: Db, accountId: string) {
  return (await listIdentities(db, accountId)).map(
    ({ providerId, issuer, subject, email, linkedAt, lastUsedAt }) => ({
      provider_id: providerId,
      issuer,
      subject,
      email: email ?? null,
      linked_at: new Date(linkedAt).toISOString(),
      last_used_at: lastUsedAt === undefined ? null : new Date(lastUsedAt).toISOString(),
    }),
  );
}
