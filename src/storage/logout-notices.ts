/**
 * Who has to be told that a session ended, written in the transaction of what ends it (OpenID Connect Back-Channel
 * Logout 1.0). An outbox: logout-queue.ts hands the rows out, sessions/logout-delivery.ts delivers them.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { digest } from './digest.ts';
import type { Database } from './tables.ts';

/** One client of a session that ends. */
export interface SessionClient {
  readonly clientId: string;
  /** The session's name towards that client, as in its ID tokens. */
  readonly sid: string;
  /** False: it has no address, and the person is told so. */
  readonly tellable: boolean;
}

export interface ClientSession {
  readonly sessionUid: string;
  readonly clientId: string;
  readonly accountId: string;
  readonly sid: string;
  /** ms since the epoch. */
  readonly at: number;
  readonly expiresAt: number;
}

/** Receivers that are away for a day have missed it; their tokens are dead all the same. */
const DUE_MS = 86_400_000;
/** What the signed-out page reads: as long as somebody may look at it. */
const SILENT_MS = 3_600_000;
/**
 * A notice of a sign-out is delivered at once by the process that wrote it. Another takes it up when that one should
 * have been done: its two seconds of waiting, and the five that a receiver has.
 */
const OWN_TURN_MS = 10_000;

/** Notes that this session has signed in to a client that can be told. Repeating it is harmless. */
export async function noteClientSession(db: Kysely<Database>, session: ClientSession): Promise<void> {
  const row = {
    session_uid: digest(session.sessionUid),
    client_id: session.clientId,
    account_id: session.accountId,
    sid: session.sid,
    begun_at: new Date(session.at),
    expires_at: new Date(session.expiresAt),
  };
  const { account_id, sid, begun_at, expires_at } = row;
  await db
    .insertInto('client_sessions')
    .values(row)
    .onConflict((same) =>
      same.columns(['session_uid', 'client_id']).doUpdateSet({ account_id, sid, begun_at, expires_at }),
    )
    .execute();
}

/** One order for everybody: a sign-out and a disable at once never wait for each other in a circle. */
const inOrder = (which: RawBuilder<unknown>) => sql`
  select ctid from client_sessions where ${which} order by session_uid, client_id for update`;

/** One session ends. @param signOut the name under which `sign-out` pages read what became of it */
export async function noticeSession(
  trx: Kysely<Database>,
  ended: {
    sessionUid: string;
    accountId: string;
    clients: readonly SessionClient[];
    signOut: string;
    at: number;
  },
): Promise<void> {
  await sql`
    with locked as (${inOrder(sql`session_uid = ${digest(ended.sessionUid)}`)})
    delete from client_sessions using locked where client_sessions.ctid = locked.ctid`.execute(trx);
  if (ended.clients.length === 0) return;
  const created_at = new Date(ended.at);
  await trx
    .insertInto('logout_notices')
    .values(
      ended.clients.map(({ clientId, sid, tellable }) => ({
        sign_out: digest(ended.signOut),
        client_id: clientId,
        account_id: ended.accountId,
        sid,
        state: tellable ? ('due' as const) : ('silent' as const),
        next_try_at: new Date(ended.at + OWN_TURN_MS),
        created_at,
        expires_at: new Date(ended.at + (tellable ? DUE_MS : SILENT_MS)),
      })),
    )
    .execute();
}

/**
 * Every session of an account ends, or those with one client, or all but the kept one. Called where the fact is written
 * (ended-access.ts).
 */
export async function noticeAccess(
  trx: Kysely<Database>,
  ended: { accountId: string; clientId?: string; keptKey?: string; at: number },
): Promise<void> {
  const ofClient = ended.clientId === undefined ? sql`` : sql`and client_id = ${ended.clientId}`;
  const others = ended.keptKey === undefined ? sql`` : sql`and session_uid <> ${ended.keptKey}`;
  await noticeAll(trx, sql`account_id = ${ended.accountId} ${ofClient} ${others}`, ended.at);
}

/** One session ends, and nobody waits for its clients to be told. @param uid the engine's name of the session */
export async function noticeSessionGone(trx: Kysely<Database>, uid: string, at: number): Promise<void> {
  await noticeAll(trx, sql`session_uid = ${digest(uid)}`, at);
}

async function noticeAll(trx: Kysely<Database>, which: RawBuilder<unknown>, when: number): Promise<void> {
  const at = new Date(when);
  await sql`
    with locked as (${inOrder(which)}), over as (
      delete from client_sessions using locked where client_sessions.ctid = locked.ctid
      returning client_sessions.client_id, client_sessions.account_id, client_sessions.sid,
        client_sessions.expires_at
    )
    insert into logout_notices (client_id, account_id, sid, state, next_try_at, created_at, expires_at)
    select client_id, account_id, sid, 'due', ${at}::timestamptz, ${at}::timestamptz,
      ${new Date(when + DUE_MS)}::timestamptz
    from over where expires_at > ${at}::timestamptz`.execute(trx);
}

/** One client asks to be signed out while the session goes on with the others. */
export async function noticeClient(
  db: Kysely<Database>,
  ended: { accountId: string; clientId: string; sid: string; at: number },
): Promise<void> {
  await db
    .insertInto('logout_notices')
    .values({
      client_id: ended.clientId,
      account_id: ended.accountId,
      sid: ended.sid,
      state: 'due',
      next_try_at: new Date(ended.at),
      created_at: new Date(ended.at),
      expires_at: new Date(ended.at + DUE_MS),
    })
    .execute();
}
