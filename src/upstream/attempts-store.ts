/**
 * The SQL of attempts. Each step is one statement that looks and writes together, so that of any number of callers with
 * the same state or handle one goes on; and it goes on only in the browser that began.
 */
import type { Kysely } from 'kysely';
import type { Database } from '../storage/tables.ts';

type Db = Kysely<Database>;

export async function insertAttempt(
  db: Db,
  attempt: {
    attemptId: string;
    providerId: string;
    browserDigest: string;
    sealed: string;
    expiresAt: number;
  },
): Promise<void> {
  await db
    .insertInto('upstream_attempts')
    .values({
      attempt_id: attempt.attemptId,
      provider_id: attempt.providerId,
      browser_digest: attempt.browserDigest,
      stage: 'sent',
      sealed: attempt.sealed,
      expires_at: new Date(attempt.expiresAt),
    })
    .execute();
}

/** A cross-site POST brings no cookie: its answer is kept for the GET that follows. The first one counts. */
export async function keepAnswer(
  db: Db,
  key: { attemptId: string; providerId: string; now: number },
  answer: { sealed: string; handleDigest: string },
): Promise<boolean> {
  const row = await db
    .updateTable('upstream_attempts')
    .set({ stage: 'answered', sealed_answer: answer.sealed, handle_digest: answer.handleDigest })
    .where('attempt_id', '=', key.attemptId)
    .where('provider_id', '=', key.providerId)
    .where('stage', '=', 'sent')
    .where('expires_at', '>', new Date(key.now))
    .returning('attempt_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** From 'sent' by its state, or from 'answered' by its handle. */
export async function takeForRedeeming(
  db: Db,
  key: { providerId: string; browserDigest: string; now: number } & (
    | { attemptId: string }
    | { handleDigest: string }
  ),
): Promise<{ attemptId: string; sealed: string; sealedAnswer: string | undefined } | undefined> {
  const query = db
    .updateTable('upstream_attempts')
    .set({ stage: 'redeeming', handle_digest: null })
    .where('provider_id', '=', key.providerId)
    .where('browser_digest', '=', key.browserDigest)
    .where('expires_at', '>', new Date(key.now));
  const row = await ('attemptId' in key
    ? query.where('attempt_id', '=', key.attemptId).where('stage', '=', 'sent')
    : query.where('handle_digest', '=', key.handleDigest).where('stage', '=', 'answered')
  )
    .returning(['attempt_id', 'sealed', 'sealed_answer'])
    .executeTakeFirst();
  return (
    row && {
      attemptId: row.attempt_id,
      sealed: row.sealed,
      sealedAnswer: row.sealed_answer ?? undefined,
    }
  );
}

/** What came of it, under a handle of its own. */
export async function settleAttempt(
  db: Db,
  attemptId: string,
  settled: { sealed: string; handleDigest: string; expiresAt: number },
): Promise<void> {
  await db
    .updateTable('upstream_attempts')
    .set({
      stage: 'settled',
      sealed: settled.sealed,
      sealed_answer: null,
      handle_digest: settled.handleDigest,
      expires_at: new Date(settled.expiresAt),
    })
    .where('attempt_id', '=', attemptId)
    .where('stage', '=', 'redeeming')
    .execute();
}

interface Settled {
  readonly handleDigest: string;
  readonly browserDigest: string;
  readonly now: number;
}

export async function findSettled(
  db: Db,
  { handleDigest, browserDigest, now }: Settled,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('upstream_attempts')
    .select('sealed')
    .where('handle_digest', '=', handleDigest)
    .where('browser_digest', '=', browserDigest)
    .where('stage', '=', 'settled')
    .where('expires_at', '>', new Date(now))
    .executeTakeFirst();
  return row?.sealed;
}

/** The same, and it is gone: in the transaction of what it leads to. */
export async function takeSettled(
  trx: Db,
  { handleDigest, browserDigest, now }: Settled,
): Promise<string | undefined> {
  const row = await trx
    .deleteFrom('upstream_attempts')
    .where('handle_digest', '=', handleDigest)
    .where('browser_digest', '=', browserDigest)
    .where('stage', '=', 'settled')
    .where('expires_at', '>', new Date(now))
    .returning('sealed')
    .executeTakeFirst();
  return row?.sealed;
}

/** Writes what it holds anew, while it is still what it was. */
export async function replaceSettled(
  trx: Db,
  { handleDigest, browserDigest, now }: Settled,
  was: string,
  sealed: string,
): Promise<boolean> {
  const row = await trx
    .updateTable('upstream_attempts')
    .set({ sealed })
    .where('handle_digest', '=', handleDigest)
    .where('browser_digest', '=', browserDigest)
    .where('stage', '=', 'settled')
    .where('sealed', '=', was)
    .where('expires_at', '>', new Date(now))
    .returning('attempt_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** One bounded batch. @returns how many */
export async function deleteExpiredAttempts(db: Db, now: number, rows: number): Promise<number> {
  const deleted = await db
    .deleteFrom('upstream_attempts')
    .where('attempt_id', 'in', (sub) =>
      sub
        .selectFrom('upstream_attempts')
        .select('attempt_id')
        .where('expires_at', '<=', new Date(now))
        .orderBy('expires_at')
        .limit(rows),
    )
    .executeTakeFirst();
  return Number(deleted.numDeletedRows);
}
