/** The SQL of the outbox. */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';

export interface OutboxRow {
  readonly id: string;
  readonly message_key: string;
  readonly account_id: string | null;
  readonly kind: string;
  readonly sealed: string;
  readonly attempts: number;
  readonly created_at: Date;
}

/**
 * One mail a key, and at most `budget` a recipient within the window; what goes beyond is not written.
 * @returns whether it was
 */
export async function insertMail(
  trx: Kysely<Database>,
  mail: {
    readonly key: string;
    readonly accountId: string | undefined;
    /** Whose budget it is. */
    readonly recipient: string;
    readonly kind: string;
    /** Null when it is sent to nobody. */
    readonly sealed: string | null;
    readonly state: 'waiting' | 'boxed' | 'given-up';
    readonly now: Date;
  },
  budget: { readonly limit: number; readonly windowSeconds: number },
): Promise<boolean> {
  const since = new Date(mail.now.getTime() - budget.windowSeconds * 1000);
  const { rows } = await sql`
    insert into mail_outbox (message_key, account_id, recipient, kind, sealed, state, created_at, next_at)
    select ${mail.key}, ${mail.accountId ?? null}, ${mail.recipient}, ${mail.kind}, ${mail.sealed}, ${mail.state},
      ${mail.now}::timestamptz, ${mail.now}::timestamptz
    where (
      select count(*) from mail_outbox where recipient = ${mail.recipient} and created_at > ${since}::timestamptz
    ) < ${budget.limit}
    on conflict (message_key) do nothing
    returning id`.execute(trx);
  return rows.length === 1;
}

/**
 * Takes what is due for this process alone: until `until` nobody else does, and if this process dies then, somebody
 * does. Each taking counts as a try.
 */
export async function claimDue(
  db: Kysely<Database>,
  { now, until, limit }: { now: Date; until: Date; limit: number },
): Promise<OutboxRow[]> {
  const { rows } = await sql<OutboxRow>`
    update mail_outbox set next_at = ${until}, attempts = attempts + 1
    where id in (
      select id from mail_outbox where state = 'waiting' and next_at <= ${now}
      order by next_at limit ${limit} for update skip locked
    )
    returning id, message_key, account_id, kind, sealed, attempts, created_at`.execute(db);
  return rows;
}

/** The content goes with the end of the mail. @returns false when it was settled already */
export async function settle(
  trx: Kysely<Database>,
  id: string,
  state: 'sent' | 'given-up',
): Promise<boolean> {
  const { rows } = await sql`
    update mail_outbox set state = ${state}, sealed = null where id = ${id} and state = 'waiting'
    returning id`.execute(trx);
  return rows.length === 1;
}

export async function putOff(db: Kysely<Database>, id: string, until: Date): Promise<void> {
  await sql`update mail_outbox set next_at = ${until} where id = ${id} and state = 'waiting'`.execute(db);
}

/** Newest first. */
export async function boxed(db: Kysely<Database>, limit: number): Promise<OutboxRow[]> {
  const { rows } = await sql<OutboxRow>`
    select id, message_key, account_id, kind, sealed, attempts, created_at from mail_outbox
    where state = 'boxed' order by id desc limit ${limit}`.execute(db);
  return rows;
}

/** What is settled or boxed and old goes, and so does what waits although mail was switched off since. */
export async function deleteBefore(db: Kysely<Database>, before: Date, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from mail_outbox where id in (
      select id from mail_outbox where created_at <= ${before}
      order by created_at limit ${limit} for update skip locked
    )`.execute(db);
  return Number(numAffectedRows);
}
