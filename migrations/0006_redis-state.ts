import { type Kysely, sql } from 'kysely';

/** Which Redis was trusted last: see src/storage/redis-pulse.ts. Empty without Redis. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table redis_state (
      id text primary key,
      identity text not null,
      pulses text not null,
      evicted double precision not null,
      heals integer not null,
      seen_at timestamptz not null
    )
  `.execute(db);
}
