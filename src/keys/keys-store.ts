/** The SQL of signing keys. Every function runs on the database or transaction that it is given. */
import type { JWK } from 'jose';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { SigningKeyTable } from '../storage/tables-keys.ts';
import type { KeyInfo, KeyState, SigningAlg } from './signing-key.ts';

/** A key as it is stored. */
export interface StoredKey extends KeyInfo {
  readonly publicJwk: JWK;
  /** Absent once the key is gone. */
  readonly sealedPrivate?: string;
}

/** Any number: it only has to be the same in every process, and no other lock's. */
const KEYS_LOCK = 4_013_377_201;

/**
 * Runs `work` in a transaction that no other process has open at the same time: keys are made and moved by one at a time, so
 * that three processes that start together make one set.
 */
export function withKeysLocked<T>(
  db: Kysely<Database>,
  work: (trx: Kysely<Database>, keys: readonly StoredKey[]) => Promise<T>,
): Promise<T> {
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${KEYS_LOCK}::bigint)`.execute(trx);
    return work(trx, await loadKeys(trx));
  });
}

function toStoredKey(row: Selectable<SigningKeyTable>): StoredKey {
  return {
    kid: row.kid,
    alg: row.alg as SigningAlg,
    state: row.state as KeyState,
    publishedAt: row.published_at.getTime(),
    ...(row.signing_at !== null && { signingAt: row.signing_at.getTime() }),
    ...(row.retired_at !== null && { retiredAt: row.retired_at.getTime() }),
    ...(row.gone_at !== null && { goneAt: row.gone_at.getTime() }),
    publicJwk: row.public_jwk as JWK,
    ...(row.sealed_private !== null && { sealedPrivate: row.sealed_private }),
  };
}

/** All of them, newest first: a few dozen after years. */
export async function loadKeys(db: Kysely<Database>): Promise<StoredKey[]> {
  const rows = await db
    .selectFrom('signing_keys')
    .selectAll()
    .orderBy('alg')
    .orderBy('published_at', 'desc')
    .orderBy('kid')
    .execute();
  return rows.map(toStoredKey);
}

export async function insertKey(
  db: Kysely<Database>,
  key: {
    kid: string;
    alg: SigningAlg;
    publicJwk: JWK;
    sealedPrivate: string;
    state: 'published' | 'signing';
    at: Date;
  },
): Promise<void> {
  await db
    .insertInto('signing_keys')
    .values({
      kid: key.kid,
      alg: key.alg,
      state: key.state,
      sealed_private: key.sealedPrivate,
      public_jwk: JSON.stringify(key.publicJwk),
      published_at: key.at,
      signing_at: key.state === 'signing' ? key.at : null,
      retired_at: null,
      gone_at: null,
    })
    .execute();
}

/** Retires the key that signs for this algorithm, if any, and lets `kid` sign instead. */
export async function promoteKey(
  db: Kysely<Database>,
  kid: string,
  alg: SigningAlg,
  at: Date,
): Promise<void> {
  await db
    .updateTable('signing_keys')
    .set({ state: 'retired', retired_at: at })
    .where('alg', '=', alg)
    .where('state', '=', 'signing')
    .execute();
  await db
    .updateTable('signing_keys')
    .set({ state: 'signing', signing_at: at })
    .where('kid', '=', kid)
    .where('state', '=', 'published')
    .execute();
}

/** Takes a retired key out of use for good: its private part is deleted, the record stays. */
export async function removeKey(db: Kysely<Database>, kid: string, at: Date): Promise<void> {
  await db
    .updateTable('signing_keys')
    .set({ state: 'gone', gone_at: at, sealed_private: null })
    .where('kid', '=', kid)
    .where('state', '=', 'retired')
    .execute();
}

export async function replaceSealed(db: Kysely<Database>, kid: string, sealedPrivate: string): Promise<void> {
  await db
    .updateTable('signing_keys')
    .set({ sealed_private: sealedPrivate })
    .where('kid', '=', kid)
    .where('sealed_private', 'is not', null)
    .execute();
}
