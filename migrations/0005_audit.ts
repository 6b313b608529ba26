import { type Kysely, sql } from 'kysely';

/** Audit events, append-only, and the refusals that references point to. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table audit_events (
      id bigint generated always as identity primary key,
      at timestamptz not null,
      type text not null,
      actor_kind text not null,
      actor_id text,
      account_id text,
      client_id text,
      network text,
      request_id text,
      detail jsonb not null
    )`.execute(db);
  // One index for each way to search; every one ends in (at, id), the key that pages go by.
  await sql`create index audit_events_at on audit_events (at, id)`.execute(db);
  await sql`create index audit_events_account on audit_events (account_id, at, id) where account_id is not null`.execute(
    db,
  );
  await sql`create index audit_events_client on audit_events (client_id, at, id) where client_id is not null`.execute(
    db,
  );
  await sql`create index audit_events_type on audit_events (type, at, id)`.execute(db);
  await sql`
    create table refusals (
      reference text primary key,
      at timestamptz not null,
      expires_at timestamptz not null,
      kind text not null,
      rule text not null,
      error text not null,
      expected text,
      received text,
      description text,
      cause text,
      sent jsonb,
      client_id text,
      account_id text,
      network text not null,
      request_id text
    )`.execute(db);
  await sql`create index refusals_account on refusals (account_id, reference) where account_id is not null`.execute(
    db,
  );
  await sql`create index refusals_expires_at on refusals (expires_at)`.execute(db);
}
