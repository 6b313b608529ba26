/**
 * What ends access is a fact in Postgres first. Account-wide, client-wide and pair facts are not-before times: what
 * was born at or before them is dead. Facts about one family are rows of their own, whose tombstones in the other
 * store follow (families.ts). They live as long as what they end could have, then the sweep takes them.
 */
import { type Kysely, sql } from 'kysely';
import { noteChange } from './changes.ts';
import { digest } from './digest.ts';
import { type EndedBy, type EndReason, endReasonOf } from './end-reasons.ts';
import { uidOfEnding } from './ending-names.ts';
import { endRowsOfAccess, endRowsOfFamilies } from './family-rows.ts';
import { noticeAccess } from './logout-notices.ts';
import { endSessionsByUid, endSessionsOfAccount } from './session-rows.ts';
import type { Database } from './tables.ts';

/** Sessions of one account with all their families fit one statement; 500 rows are about 60 kB of it. */
const BATCH = 500;
/** How a key column says "all of them". */
const EVERY = '';

export interface AccessEnd {
  /** Alone: every family and session of the account. With `clientId`: those of the two together. */
  readonly accountId?: string;
  /** Alone: every family of the client. */
  readonly clientId?: string;
  readonly reason: EndReason;
  /** Who caused it; `system` when not given. */
  readonly by?: EndedBy;
  /** With an account alone: the uid of the one session that lives on, with what was begun in it. */
  readonly keptSession?: string;
  /** ms since the epoch; a later one replaces an earlier one, never the other way round. */
  readonly at: number;
  /** ms since the epoch: when nothing that this ends can be alive any more. */
  readonly expiresAt: number;
}

/** Records the fact and tells every process. Call it in the transaction of what causes it. */
export async function endAccess(trx: Kysely<Database>, e: AccessEnd): Promise<void> {
  const { accountId = EVERY, clientId = EVERY } = e;
  if (accountId === EVERY && clientId === EVERY) throw new TypeError('whose access ends?');
  const keptSession = e.keptSession === undefined ? null : digest(e.keptSession);
  if (keptSession !== null && clientId !== EVERY) throw new TypeError('a session is kept at its account');
  const row = {
    account_id: accountId,
    client_id: clientId,
    reason: e.reason,
    ended_by: e.by ?? 'system',
    ended_at: new Date(e.at),
    whole_at: new Date(keptSession === null ? e.at : 0),
    kept_session: keptSession,
    expires_at: new Date(e.expiresAt),
  };
  await trx
    .insertInto('ended_access')
    .values(row)
    .onConflict((same) =>
      same.columns(['account_id', 'client_id']).doUpdateSet({
        reason: sql`case when excluded.ended_at >= ended_access.ended_at
          then excluded.reason else ended_access.reason end`,
        ended_by: sql`case when excluded.ended_at >= ended_access.ended_at
          then excluded.ended_by else ended_access.ended_by end`,
        ended_at: sql`greatest(ended_access.ended_at, excluded.ended_at)`,
        // Two that keep different sessions keep neither, as far as both reach.
        whole_at: sql`greatest(ended_access.whole_at, excluded.whole_at,
          case when ended_access.kept_session is distinct from excluded.kept_session
          then least(ended_access.ended_at, excluded.ended_at) end)`,
        kept_session: sql`case when excluded.ended_at >= ended_access.ended_at
          then excluded.kept_session else ended_access.kept_session end`,
        expires_at: sql`greatest(ended_access.expires_at, excluded.expires_at)`,
      }),
    )
    .execute();
  if (accountId !== EVERY) {
    const { keptSession: _, ...end } = { ...e, ...(keptSession === null ? {} : { keptKey: keptSession }) };
    await endRowsOfAccess(trx, end);
    if (!e.clientId) await endSessionsOfAccount(trx, { ...end, accountId });
    await noticeAccess(trx, { ...end, accountId });
  }
  // The pair is kept with the account: what a process knows of a client must not grow with the client's accounts.
  await (accountId === EVERY ? noteChange(trx, 'client', clientId) : noteChange(trx, 'account', accountId));
}

/**
 * Ends families durably, as not yet applied to the other store. The first reason stands.
 *
 * The Grant's row, where SQL is the store, is marked in the same statement: a commit that waits for that row then
 * sees the end although its snapshot is older (artifact-commit.ts).
 */
export async function endFamilies(
  trx: Kysely<Database>,
  e: { families: readonly string[]; reason: EndReason; at: number; expiresAt: number; by?: EndedBy },
): Promise<void> {
  // One order for everybody: two sign-outs at once never wait for each other in a circle.
  const ids = [...new Set(e.families)].sort();
  for (let start = 0; start < ids.length; start += BATCH) {
    const batch = ids.slice(start, start + BATCH);
    const keys = batch.map(digest);
    await sql`
      with locked as (
        select key from artifacts
        where key = any (${keys}::text[]) and kind = 'Grant' and ended_reason is null order by key for update
      ), marked as (
        update artifacts set ended_reason = ${e.reason}, answer = null, answer_key = null
        from locked where artifacts.key = locked.key
      )
      insert into ended_families (family_id, key, reason, ended_by, ended_at, expires_at)
      select family_id, key, ${e.reason}, ${e.by ?? 'system'}, ${new Date(e.at)}::timestamptz, ${new Date(e.expiresAt)}::timestamptz
      from unnest(${batch}::text[], ${keys}::text[]) as ending (family_id, key)
      order by family_id
      on conflict (key) do update set expires_at = greatest(ended_families.expires_at, excluded.expires_at)
    `.execute(trx);
    await endRowsOfFamilies(trx, batch, e);
    await endSessionsByUid(trx, batch.flatMap(uidOfEnding), e);
  }
}

export interface Ends {
  /** ms since the epoch: what was born at or before it is dead; 0 = never. */
  readonly allBefore: number;
  /** One session lives on, with what was begun in it after `wholeBefore` (ms). */
  readonly kept?: { readonly sessionKey: string; readonly wholeBefore: number };
  /** By client id, for an account; empty for a client, whose pairs are found with the accounts. */
  readonly byOther: ReadonlyMap<string, number>;
  /** Why `allBefore`. */
  readonly reason?: EndReason;
  /** Why, by client id, where it is not a withdrawn consent. */
  readonly otherReasons?: ReadonlyMap<string, EndReason>;
}

/** Whether a fact ends what comes from a sign-in at that time (ms) in that session (its uid, if any). */
export function isEnded(
  ends: Pick<Ends, 'allBefore' | 'kept'>,
  signedInAt: number,
  session?: string,
): boolean {
  if (ends.allBefore === 0 || signedInAt > ends.allBefore) return false;
  if (!ends.kept || signedInAt <= ends.kept.wholeBefore) return true;
  return session === undefined || digest(session) !== ends.kept.sessionKey;
}

/** A sign-in that somebody builds on: its time (ms), and the uid of its session where there is one by now. */
export interface SignInAt {
  readonly at: number;
  readonly session?: string | undefined;
}

/** Whether that sign-in has been ended, read now and not under the lease: ask where the account is locked. */
export async function hasEnded(
  trx: Kysely<Database>,
  accountId: string,
  signedIn: SignInAt,
): Promise<boolean> {
  return isEnded(await loadEnds(trx, { accountId }), signedIn.at, signedIn.session);
}

/** What ended the access of one account, or of one client as a whole. */
export async function loadEnds(
  db: Kysely<Database>,
  by: { readonly accountId: string } | { readonly clientId: string },
): Promise<Ends> {
  const rows =
    'accountId' in by
      ? await db.selectFrom('ended_access').selectAll().where('account_id', '=', by.accountId).execute()
      : await db
          .selectFrom('ended_access')
          .selectAll()
          .where('account_id', '=', EVERY)
          .where('client_id', '=', by.clientId)
          .execute();
  const whole = rows.find((row) => row.account_id === EVERY || row.client_id === EVERY);
  const pairs = rows
    .filter((row) => row !== whole)
    .map((row) => [row.client_id, row.ended_at.getTime()] as const);
  const otherReasons = rows
    .filter((row) => row !== whole && row.reason !== 'consent withdrawn')
    .map((row) => [row.client_id, endReasonOf(row.reason)] as const);
  return {
    allBefore: whole?.ended_at.getTime() ?? 0,
    byOther: new Map(pairs),
    ...(whole ? { reason: endReasonOf(whole.reason) } : {}),
    ...(otherReasons.length > 0 ? { otherReasons: new Map(otherReasons) } : {}),
    ...(whole?.kept_session
      ? { kept: { sessionKey: whole.kept_session, wholeBefore: whole.whole_at.getTime() } }
      : {}),
  };
}
