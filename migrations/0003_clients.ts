import { type Kysely, sql } from 'kysely';

/** Registered clients, the digests of their secrets, and resource servers; Cardea's own API is the first of these. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table clients (
      client_id text primary key,
      name text not null,
      type text not null,
      status text not null default 'active',
      metadata jsonb not null,
      secrets_version integer not null default 0,
      created_at timestamptz not null,
      updated_at timestamptz not null
    )`.execute(db);
  await sql`
    create table client_secrets (
      secret_id text primary key,
      client_id text not null references clients (client_id) on delete cascade,
      digest text not null unique,
      created_at timestamptz not null,
      expires_at timestamptz,
      last_used_at timestamptz
    )`.execute(db);
  await sql`create index client_secrets_client on client_secrets (client_id)`.execute(db);
  await sql`create index client_secrets_expires_at on client_secrets (expires_at) where expires_at is not null`.execute(
    db,
  );
  await sql`
    create table resource_servers (
      audience text primary key,
      name text not null,
      scopes jsonb not null,
      token_format text not null,
      access_token_ttl_seconds integer,
      introspection_client_id text references clients (client_id) on delete set null,
      signing_alg text not null,
      authorization_types jsonb not null default '[]',
      created_at timestamptz not null,
      updated_at timestamptz not null
    )`.execute(db);
  await sql`create index resource_servers_client on resource_servers (introspection_client_id)`.execute(db);
  await sql`
    insert into resource_servers (audience, name, scopes, token_format, signing_alg, created_at, updated_at)
    values ('cardea', 'Cardea', '[]', 'jwt', 'ES256', now(), now())`.execute(db);
}
