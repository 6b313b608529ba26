import { type Kysely, sql } from 'kysely';

/** What is remembered of each token family (who, which client, what for, which rule ends it when, how it ended); mail. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Written in batches behind the token path; a family that is refreshed often is updated once a batch.
  await sql`
    create table families (
      tag text primary key,
      family_id text not null,
      account_id text not null,
      client_id text not null,
      session_key text,
      scopes text not null,
      offline boolean not null,
      signed_in_at timestamptz not null,
      born_at timestamptz not null,
      dated_at timestamptz not null,
      redeemed_at timestamptz,
      idle_until timestamptz not null,
      absolute_until timestamptz not null,
      refreshes bigint not null default 0,
      last_used_at timestamptz,
      last_network text,
      ended_at timestamptz,
      ended_reason text,
      ended_by text,
      forget_at timestamptz not null
    ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)`.execute(db);
  await sql`create index families_account on families (account_id, born_at, tag)`.execute(db);
  await sql`create index families_client on families (client_id, born_at, tag)`.execute(db);
  await sql`create index families_client_living on families (client_id, born_at) where ended_at is null`.execute(
    db,
  );
  await sql`create index families_idle on families (idle_until) where ended_at is null`.execute(db);
  await sql`create index families_forget_at on families (forget_at)`.execute(db);

  // The story of an account or client without its token issuance, which is told by the families.
  await sql`
    create index audit_events_account_story on audit_events (account_id, at, id)
      where account_id is not null and type not in ('token.issued', 'token.refreshed')`.execute(db);
  await sql`
    create index audit_events_client_story on audit_events (client_id, at, id)
      where client_id is not null and type not in ('token.issued', 'token.refreshed')`.execute(db);

  // Mail is written in the transaction of what it tells, and sent from here. What it says is sealed, and gone once sent.
  await sql`
    create table mail_outbox (
      id bigint generated always as identity primary key,
      message_key text not null unique,
      account_id text,
      recipient text not null,
      kind text not null,
      sealed text,
      state text not null default 'waiting' check (state in ('waiting', 'boxed', 'sent', 'given-up')),
      attempts integer not null default 0,
      created_at timestamptz not null,
      next_at timestamptz not null
    )`.execute(db);
  await sql`create index mail_outbox_due on mail_outbox (next_at) where state = 'waiting'`.execute(db);
  await sql`create index mail_outbox_recipient on mail_outbox (recipient, created_at)`.execute(db);
  await sql`create index mail_outbox_account on mail_outbox (account_id) where account_id is not null`.execute(
    db,
  );
  await sql`create index mail_outbox_created_at on mail_outbox (created_at)`.execute(db);
}
