/** The SQL of accounts and their passwords. Every function takes the connection or transaction to work in. */
import { randomUUID } from 'node:crypto';
import { type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import type { SecondFactorPolicy } from '../config/second-factor.ts';
import type { Database } from '../storage/tables.ts';
import type { AccountRow } from '../storage/tables-accounts.ts';
import type { Account } from './account.ts';
import type { Profile } from './profile.ts';

type Db = Kysely<Database>;

/** 122 random bits: never guessed, never met twice, so that a deleted account's id is never another's. */
function newAccountId(): string {
  return randomUUID();
}

export interface AccountValues {
  readonly email: string;
  readonly emailCanonical: string;
  readonly emailVerified: boolean;
  readonly profile: Profile;
  readonly passwordVersion: number;
  readonly at: number;
}

/** Undefined when the canonical address is taken: the unique index decides, so that of parallel calls one succeeds. */
export async function insertAccount(db: Db, values: AccountValues): Promise<Account | undefined> {
  const at = new Date(values.at);
  const row = await db
    .insertInto('accounts')
    .values({
      id: newAccountId(),
      email: values.email,
      email_canonical: values.emailCanonical,
      email_verified: values.emailVerified,
      profile: JSON.stringify(values.profile),
      password_version: values.passwordVersion,
      created_at: at,
      updated_at: at,
    })
    .onConflict((conflict) => conflict.column('email_canonical').doNothing())
    .returningAll()
    .executeTakeFirst();
  return row && accountOf(row);
}

export async function findAccount(db: Db, id: string): Promise<Account | undefined> {
  const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst();
  return row && accountOf(row);
}

/** The same, but waits for a change that is under way: answers what it has made of the account. */
export async function findSettledAccount(db: Db, id: string): Promise<Account | undefined> {
  const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).forShare().executeTakeFirst();
  return row && accountOf(row);
}

/** The same, and holds the row until the transaction ends: whoever else changes the account waits. */
export async function lockAccount(trx: Db, id: string): Promise<Account | undefined> {
  const row = await trx
    .selectFrom('accounts')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row && accountOf(row);
}

export async function findAccountByEmail(db: Db, canonical: string): Promise<Account | undefined> {
  const row = await db
    .selectFrom('accounts')
    .selectAll()
    .where('email_canonical', '=', canonical)
    .executeTakeFirst();
  return row && accountOf(row);
}

/** For signing in: one statement, whether there is such an account, a password, both or neither. */
export async function findCredentials(
  db: Db,
  canonical: string,
): Promise<{ account: Account; hash: string | undefined } | undefined> {
  const row = await db
    .selectFrom('accounts')
    .leftJoin('account_passwords', 'account_passwords.account_id', 'accounts.id')
    .selectAll('accounts')
    .select('account_passwords.hash')
    .where('email_canonical', '=', canonical)
    .executeTakeFirst();
  return row && { account: accountOf(row), hash: row.hash ?? undefined };
}

/** Oldest first, after the account that `after` names by time and id. */
export async function listAccounts(
  db: Db,
  page: { after?: { createdAt: number; id: string } | undefined; limit: number },
): Promise<readonly Account[]> {
  const { after, limit } = page;
  const rows = await db
    .selectFrom('accounts')
    .selectAll()
    .$if(after !== undefined, (query) =>
      query.where(sql<boolean>`(created_at, id) > (${new Date(after?.createdAt ?? 0)}, ${after?.id ?? ''})`),
    )
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(accountOf);
}

export type AccountUpdate = Partial<
  Pick<Account, 'email' | 'emailCanonical' | 'emailVerified' | 'status' | 'profile'>
> & {
  /** null: says nothing. */
  readonly secondFactor?: SecondFactorPolicy | null;
  /** ms; with the status `leaving`, and only with it. */
  readonly leavingUntil?: number;
};

/** The unique index throws when the new address is another account's: see `isTaken`. */
export async function updateAccount(
  trx: Db,
  id: string,
  change: AccountUpdate,
  at: number,
): Promise<Account | undefined> {
  const set: Updateable<AccountRow> = { updated_at: new Date(at) };
  if (change.email !== undefined) set.email = change.email;
  if (change.emailCanonical !== undefined) set.email_canonical = change.emailCanonical;
  if (change.emailVerified !== undefined) set.email_verified = change.emailVerified;
  if (change.status !== undefined) {
    set.status = change.status;
    set.leaving_until = change.leavingUntil === undefined ? null : new Date(change.leavingUntil);
  }
  if (change.profile !== undefined) set.profile = JSON.stringify(change.profile);
  if (change.secondFactor !== undefined) set.second_factor = change.secondFactor;
  const row = await trx
    .updateTable('accounts')
    .set(set)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  return row && accountOf(row);
}

/** SQLSTATE 23505, unique_violation: the transaction is over, and another account has that address. */
export function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}

/** Those whose grace time is over, the longest over first. */
export async function listLeft(db: Db, o: { now: number; limit: number }): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('accounts')
    .select('id')
    .where('status', '=', 'leaving')
    .where('leaving_until', '<=', new Date(o.now))
    .orderBy('leaving_until')
    .limit(o.limit)
    .execute();
  return rows.map(({ id }) => id);
}

export async function deleteAccount(trx: Db, id: string): Promise<boolean> {
  const deleted = await trx.deleteFrom('accounts').where('id', '=', id).executeTakeFirst();
  return deleted.numDeletedRows > 0n;
}

/** Sets the hash and raises the password version. Undefined when the account is gone. */
export async function storePassword(
  trx: Db,
  id: string,
  hash: string,
  at: number,
): Promise<Account | undefined> {
  const row = await trx
    .updateTable('accounts')
    .set((set) => ({ password_version: set('password_version', '+', 1), updated_at: new Date(at) }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  if (!row) return undefined;
  await insertPassword(trx, id, hash, at);
  return accountOf(row);
}

/** The account has no password until one is set; device cookies and mailed proofs of the old one are void. */
export async function voidPassword(trx: Db, id: string, at: number): Promise<Account | undefined> {
  await trx.deleteFrom('account_passwords').where('account_id', '=', id).execute();
  const row = await trx
    .updateTable('accounts')
    .set((set) => ({ password_version: set('password_version', '+', 1), updated_at: new Date(at) }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  return row && accountOf(row);
}

export async function insertPassword(trx: Db, id: string, hash: string, at: number): Promise<void> {
  const set_at = new Date(at);
  await trx
    .insertInto('account_passwords')
    .values({ account_id: id, hash, set_at })
    .onConflict((conflict) => conflict.column('account_id').doUpdateSet({ hash, set_at }))
    .execute();
}

export async function hasPassword(db: Db, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('account_passwords')
    .select('account_id')
    .where('account_id', '=', id)
    .executeTakeFirst();
  return row !== undefined;
}

/** The same password under grown parameters: only while the old hash is still the one that was verified. */
export async function replaceHash(trx: Db, id: string, old: string, hash: string): Promise<boolean> {
  const updated = await trx
    .updateTable('account_passwords')
    .set({ hash })
    .where('account_id', '=', id)
    .where('hash', '=', old)
    .executeTakeFirst();
  return updated.numUpdatedRows > 0n;
}

export function accountOf(row: Selectable<AccountRow>): Account {
  return {
    id: row.id,
    email: row.email,
    emailCanonical: row.email_canonical,
    emailVerified: row.email_verified,
    status: row.status,
    profile: row.profile,
    passwordVersion: row.password_version,
    ...(row.second_factor && { secondFactor: row.second_factor }),
    ...(row.leaving_until === null ? {} : { leavingUntil: row.leaving_until.getTime() }),
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  };
}
