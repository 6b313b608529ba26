import { type Kysely, sql } from 'kysely';

/** Signing keys. The indexes hold what the states promise: one key of an algorithm signs, and one waits, at most. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table signing_keys (
      kid text primary key,
      alg text not null,
      state text not null check (state in ('published', 'signing', 'retired', 'gone')),
      sealed_private text,
      public_jwk jsonb not null,
      published_at timestamptz not null,
      signing_at timestamptz,
      retired_at timestamptz,
      gone_at timestamptz,
      check ((state = 'gone') = (sealed_private is null))
    )`.execute(db);
  await sql`create unique index signing_keys_signing on signing_keys (alg) where state = 'signing'`.execute(
    db,
  );
  await sql`create unique index signing_keys_published on signing_keys (alg) where state = 'published'`.execute(
    db,
  );
}
