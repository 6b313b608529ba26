/** Accounts, their passwords apart from them, roles, durable consents and the link for the first administrator. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table accounts (
      id text primary key,
      email text not null,
      email_canonical text not null,
      email_verified boolean not null default false,
      status text not null default 'active' check (status in ('active', 'disabled')),
      profile jsonb not null default '{}',
      password_version integer not null default 0,
      second_factor text check (second_factor in ('none', 'optional', 'required', 'passkey')),
      created_at timestamptz not null,
      updated_at timestamptz not null
    )`.execute(db);
  await sql`create unique index accounts_email_canonical on accounts (email_canonical)`.execute(db);
  await sql`create index accounts_created on accounts (created_at, id)`.execute(db);

  await sql`
    create table account_passwords (
      account_id text primary key references accounts (id) on delete cascade,
      hash text not null,
      set_at timestamptz not null
    )`.execute(db);

  await sql`
    create table roles (
      audience text not null,
      name text not null,
      description text,
      permissions jsonb not null default '[]',
      second_factor text check (second_factor in ('none', 'optional', 'required', 'passkey')),
      created_at timestamptz not null,
      primary key (audience, name)
    )`.execute(db);
  await sql`create index roles_name on roles (name)`.execute(db);

  await sql`
    create table account_roles (
      account_id text not null references accounts (id) on delete cascade,
      audience text not null,
      role text not null,
      granted_at timestamptz not null,
      primary key (account_id, audience, role),
      foreign key (audience, role) references roles (audience, name) on delete cascade
    )`.execute(db);
  await sql`create index account_roles_role on account_roles (audience, role)`.execute(db);

  await sql`
    create table client_roles (
      client_id text not null,
      audience text not null,
      role text not null,
      granted_at timestamptz not null,
      primary key (client_id, audience, role),
      foreign key (audience, role) references roles (audience, name) on delete cascade
    )`.execute(db);
  await sql`create index client_roles_role on client_roles (audience, role)`.execute(db);

  await sql`
    create table consents (
      account_id text not null references accounts (id) on delete cascade,
      client_id text not null,
      scopes jsonb not null default '[]',
      claims jsonb not null default '[]',
      resources jsonb not null default '{}',
      details jsonb not null default '[]',
      granted_at timestamptz not null,
      updated_at timestamptz not null,
      primary key (account_id, client_id)
    )`.execute(db);
  await sql`create index consents_client on consents (client_id)`.execute(db);

  await sql`
    create table setup_links (
      slot smallint primary key default 1 check (slot = 1),
      token_digest text not null,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      used_at timestamptz
    )`.execute(db);

  // Cardea's own administration is a resource server like any other, under the audience 'cardea'.
  await sql`
    insert into roles (audience, name, description, permissions, created_at)
    values ('cardea', 'administrator', 'May do everything in Cardea''s console, API and command line',
            '["admin"]', now())`.execute(db);
}
