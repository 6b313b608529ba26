/** The SQL of this room. Every function takes the connection or transaction to work in. */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { Authenticator } from './factor.ts';

type Db = Kysely<Database>;

/**
 * Holds the account's factors until the transaction ends: whoever else changes them waits. The caller has locked the account
 * before: its rows refer to it, and whoever holds the account may wait for the factors.
 */
export async function holdFactors(trx: Db, accountId: string, at: number): Promise<void> {
  const changed_at = new Date(at);
  await trx
    .insertInto('factor_accounts')
    .values({ account_id: accountId, changed_at, recovery_made_at: null })
    .onConflict((same) => same.column('account_id').doUpdateSet({ changed_at }))
    .execute();
}

/**
 * The same where the account has ever had a factor of this room; else there is nothing to hold. Inserts nothing, so that a
 * caller who holds the account's row waits for nobody who waits for it.
 */
export async function holdPresentFactors(trx: Db, accountId: string, at: number): Promise<void> {
  await trx
    .updateTable('factor_accounts')
    .set({ changed_at: new Date(at) })
    .where('account_id', '=', accountId)
    .execute();
}

/** Oldest first. */
export async function listAuthenticators(
  db: Db,
  accountId: string,
): Promise<readonly (Authenticator & { readonly sealed: string })[]> {
  const rows = await db
    .selectFrom('authenticators')
    .select(['id', 'name', 'sealed', 'confirmed_at', 'last_used_at'])
    .where('account_id', '=', accountId)
    .where('confirmed_at', 'is not', null)
    .orderBy('confirmed_at')
    .orderBy('id')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    sealed: row.sealed,
    addedAt: row.confirmed_at?.getTime() ?? 0,
    lastUsedAt: row.last_used_at?.getTime(),
  }));
}

/** One that waits for its first code; only where it was begun, and only while it lives. */
export interface Pending {
  readonly id: string;
  readonly sealed: string;
  /** ms */
  readonly expiresAt: number;
}

export async function findPending(
  db: Db,
  accountId: string,
  placeDigest: string,
  now: number,
): Promise<Pending | undefined> {
  const row = await db
    .selectFrom('authenticators')
    .select(['id', 'sealed', 'expires_at'])
    .where('account_id', '=', accountId)
    .where('place_digest', '=', placeDigest)
    .where('confirmed_at', 'is', null)
    .where('expires_at', '>', new Date(now))
    .executeTakeFirst();
  return row && { id: row.id, sealed: row.sealed, expiresAt: row.expires_at?.getTime() ?? 0 };
}

/** Those that began to count at that time (ms) or after it, and whatever waits for its first code. @returns ids of the first */
export async function deleteAuthenticatorsSince(
  trx: Db,
  accountId: string,
  since: number,
): Promise<readonly string[]> {
  const rows = await trx
    .deleteFrom('authenticators')
    .where('account_id', '=', accountId)
    .where((or) => or.or([or('confirmed_at', 'is', null), or('confirmed_at', '>=', new Date(since))]))
    .returning(['id', 'confirmed_at'])
    .execute();
  return rows.filter((row) => row.confirmed_at !== null).map(({ id }) => id);
}

/** Under `holdFactors`: in place of any other that waits. */
export async function replacePending(
  trx: Db,
  accountId: string,
  pending: Pending & { readonly placeDigest: string; readonly at: number },
): Promise<void> {
  await trx
    .deleteFrom('authenticators')
    .where('account_id', '=', accountId)
    .where('confirmed_at', 'is', null)
    .execute();
  await trx
    .insertInto('authenticators')
    .values({
      id: pending.id,
      account_id: accountId,
      sealed: pending.sealed,
      place_digest: pending.placeDigest,
      created_at: new Date(pending.at),
      expires_at: new Date(pending.expiresAt),
      confirmed_at: null,
      last_used_at: null,
    })
    .execute();
}

/** One statement, so that of any number of callers one makes it count; its first code is spent with it. */
export async function confirmPending(
  trx: Db,
  id: string,
  o: { readonly name: string; readonly step: number; readonly at: number },
): Promise<boolean> {
  const at = new Date(o.at);
  const row = await trx
    .updateTable('authenticators')
    .set({ name: o.name, last_step: o.step, confirmed_at: at, last_used_at: at, expires_at: null })
    .where('id', '=', id)
    .where('confirmed_at', 'is', null)
    .where('expires_at', '>', at)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * RFC 6238 section 5.2: a code is taken once. One statement, and the step only ever grows: of any number of callers on
 * any number of processes one gets it, and a clock that steps back brings no older code back.
 */
export async function spendStep(db: Db, id: string, step: number, at: number): Promise<boolean> {
  const row = await db
    .updateTable('authenticators')
    .set({ last_step: step, last_used_at: new Date(at) })
    .where('id', '=', id)
    .where('confirmed_at', 'is not', null)
    .where('last_step', '<', step)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function renameAuthenticator(
  db: Db,
  accountId: string,
  id: string,
  name: string,
): Promise<boolean> {
  const row = await db
    .updateTable('authenticators')
    .set({ name })
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('confirmed_at', 'is not', null)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** @returns its name; undefined when the account has no such one that counts */
export async function deleteAuthenticator(
  trx: Db,
  accountId: string,
  id: string,
): Promise<string | undefined> {
  const row = await trx
    .deleteFrom('authenticators')
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('confirmed_at', 'is not', null)
    .returning('name')
    .executeTakeFirst();
  return row?.name;
}

/** Under `holdFactors`. @returns how many of the codes before were left, which are void now */
export async function replaceRecoveryCodes(
  trx: Db,
  accountId: string,
  digests: readonly string[],
  at: number,
): Promise<number> {
  const gone = await trx
    .deleteFrom('recovery_codes')
    .where('account_id', '=', accountId)
    .returning('used_at')
    .execute();
  const made_at = new Date(at);
  await trx
    .updateTable('factor_accounts')
    .set({ recovery_made_at: digests.length > 0 ? made_at : null })
    .where('account_id', '=', accountId)
    .execute();
  if (digests.length > 0) {
    await trx
      .insertInto('recovery_codes')
      .values(digests.map((code_digest) => ({ account_id: accountId, code_digest, made_at, used_at: null })))
      .execute();
  }
  return gone.filter(({ used_at }) => used_at === null).length;
}

/** One statement: of any number of callers one uses it. @param digests of one code, under each secret that there is */
export async function spendRecoveryCode(
  db: Db,
  accountId: string,
  digests: readonly string[],
  at: number,
): Promise<boolean> {
  const row = await db
    .updateTable('recovery_codes')
    .set({ used_at: new Date(at) })
    .where('account_id', '=', accountId)
    .where('code_digest', 'in', digests)
    .where('used_at', 'is', null)
    .returning('account_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** @returns how many are unused, and when they were made (ms); undefined when there never were any, or none count */
export async function findRecoveryCodes(
  db: Db,
  accountId: string,
): Promise<{ readonly left: number; readonly madeAt: number } | undefined> {
  const row = await db
    .selectFrom('recovery_codes')
    .select((each) => [
      each.fn.max('made_at').as('made_at'),
      sql<string>`count(*) filter (where used_at is null)`.as('unused'),
    ])
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return row?.made_at ? { left: Number(row.unused), madeAt: row.made_at.getTime() } : undefined;
}

/** Enrolments that nobody finished. @returns how many went */
export async function deleteExpiredPending(db: Db, now: number, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from authenticators where id in (
      select id from authenticators where confirmed_at is null and expires_at <= ${new Date(now)}
      limit ${limit} for update skip locked
    )`.execute(db);
  return Number(numAffectedRows);
}

/** By id, after `after`: for sealing all anew. */
export async function listSealed(
  db: Db,
  after: string,
  limit: number,
): Promise<readonly { readonly id: string; readonly sealed: string }[]> {
  return db
    .selectFrom('authenticators')
    .select(['id', 'sealed'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();
}

export async function replaceSealed(db: Db, id: string, old: string, sealed: string): Promise<void> {
  await db
    .updateTable('authenticators')
    .set({ sealed })
    .where('id', '=', id)
    .where('sealed', '=', old)
    .execute();
}
