import { type Kysely, sql } from 'kysely';

/** What expires (when SQL is its store), what has ended, what changed, and the installation's random secrets. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Rows are updated in place (consumed marks, counters): room on the page keeps those updates off the indexes, and
  // rows die young: a vacuum at 5 % instead of 20 % keeps the tables near their living size.
  await sql`
    create table artifacts (
      key text primary key,
      kind text not null,
      family text,
      uid_key text,
      user_code_key text,
      payload text not null,
      born_at timestamptz not null,
      put_at timestamptz not null,
      consumed_at timestamptz,
      consumed_from text,
      expires_at timestamptz not null,
      ended_reason text,
      answer_key text,
      answer text,
      answer_binding text,
      answer_until timestamptz
    ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)`.execute(db);
  await sql`create index artifacts_expires_at on artifacts (expires_at)`.execute(db);
  await sql`create index artifacts_family on artifacts (family, expires_at) where family is not null`.execute(
    db,
  );
  // One living id a session, whoever changes it at the same time.
  await sql`
    create unique index artifacts_uid_key on artifacts (uid_key)
      where uid_key is not null and ended_reason is null`.execute(db);
  await sql`create index artifacts_user_code_key on artifacts (user_code_key) where user_code_key is not null`.execute(
    db,
  );

  await sql`create table claims (key text primary key, expires_at timestamptz not null)`.execute(db);
  await sql`create index claims_expires_at on claims (expires_at)`.execute(db);

  await sql`
    create table counters (
      key text primary key,
      count bigint not null,
      reset_at timestamptz not null
    ) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05)`.execute(db);
  await sql`create index counters_reset_at on counters (reset_at)`.execute(db);

  await sql`
    create table session_families (
      uid_key text not null,
      family text not null,
      offline boolean not null,
      client_id text not null,
      expires_at timestamptz not null,
      primary key (uid_key, family)
    )`.execute(db);
  await sql`create index session_families_expires_at on session_families (expires_at)`.execute(db);

  await sql`
    create table ended_families (
      key text primary key,
      family_id text not null,
      reason text not null,
      ended_by text not null default 'system',
      ended_at timestamptz not null,
      expires_at timestamptz not null,
      applied boolean not null default false
    )`.execute(db);
  // One unique index: with two, an insert that gives way on one of them still fails on the other.
  await sql`create index ended_families_family on ended_families (family_id)`.execute(db);
  await sql`create index ended_families_expires_at on ended_families (expires_at)`.execute(db);
  await sql`create index ended_families_outstanding on ended_families (ended_at) where not applied`.execute(
    db,
  );

  await sql`
    create table ended_tokens (
      jti text primary key,
      family_id text,
      ended_at timestamptz not null,
      expires_at timestamptz not null,
      applied boolean not null default false
    )`.execute(db);
  await sql`create index ended_tokens_expires_at on ended_tokens (expires_at)`.execute(db);
  await sql`create index ended_tokens_outstanding on ended_tokens (ended_at) where not applied`.execute(db);

  // '' stands for "all of them", so that the pair can be the key.
  await sql`
    create table ended_access (
      account_id text not null,
      client_id text not null,
      reason text not null,
      ended_by text not null default 'system',
      ended_at timestamptz not null,
      whole_at timestamptz not null,
      kept_session text,
      expires_at timestamptz not null,
      primary key (account_id, client_id),
      check (account_id <> '' or client_id <> '')
    )`.execute(db);
  await sql`create index ended_access_client_id on ended_access (client_id)`.execute(db);
  await sql`create index ended_access_expires_at on ended_access (expires_at)`.execute(db);

  // Ordered by the writing transaction, which is visible as a whole or not at all.
  await sql`
    create table changes (
      id bigint generated always as identity primary key,
      txid xid8 not null default pg_current_xact_id(),
      kind text not null,
      subject text not null,
      noted_at timestamptz not null default now()
    )`.execute(db);
  await sql`create index changes_txid on changes (txid)`.execute(db);
  await sql`create index changes_noted_at on changes (noted_at)`.execute(db);

  await sql`
    create table instance_secrets (
      name text not null,
      generation integer not null,
      sealed text not null,
      created_at timestamptz not null default now(),
      primary key (name, generation)
    )`.execute(db);
}
