/**
 * The commit of a family in SQL: one statement that consumes, stores and keeps the answer, or ends the family.
 *
 * READ COMMITTED gives every statement one snapshot, but a row that it updates or locks is looked at again in its
 * newest version after the wait. So whatever decides between parallel commits is a condition on a row that they
 * update: the consumed mark of the old token, and the end that is marked on the Grant's row beside the durable fact.
 * Who loses there has learnt nothing but that his snapshot is old: he runs the same statement again with a new one.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import {
  consumedFrom,
  type NewRow,
  type RowNeeds,
  replaceRow,
  rowColumns,
  rowOf,
  rowValues,
  sealFrom,
} from './artifact-rows.ts';
import { LATE_MS } from './artifact-rules.ts';
import type { Commit, CommitOutcome } from './artifacts.ts';
import { digest } from './digest.ts';
import { endReasonOf } from './end-reasons.ts';
import { isKind, tagOf } from './ids.ts';
import type { Database } from './tables.ts';
import { StorageUnavailable } from './unavailable.ts';

interface Decision {
  won: boolean;
  stolen: boolean;
  ended: string | null;
  consumed_at: Date | null;
  consumed_from: string | null;
  there: boolean;
  answer: string | null;
  answer_binding: string | null;
  answer_until: Date | null;
}

/** Longest a tombstone made here must outlive what it covers: clocks of processes differ by seconds. */
const GRACE = sql`interval '1 minute'`;
// The second run sees what the first one lost against; a third is needed only when that was still in flight.
const RUNS = 6;

/** @param sent called once a statement */
export async function commitFamily(
  db: Kysely<Database>,
  needs: RowNeeds,
  commit: Commit,
  sent: () => void,
): Promise<CommitOutcome> {
  const { consume, family } = commit;
  if (consume && (!isKind(consume.id, consume.kind) || tagOf(consume.id) !== tagOf(family))) {
    return { kind: 'absent' };
  }
  for (const p of commit.puts) {
    if ((p.kind === 'Grant' ? p.id : (p.family ?? family)) !== family) {
      throw new TypeError('a commit puts into one family only');
    }
  }
  const rows = commit.puts.flatMap((p) => rowOf(needs, p, family) ?? []);
  for (let run = 0; run < RUNS; run += 1) {
    const now = new Date(needs.clock.now());
    const from = consume?.from ? sealFrom(needs, digest(consume.id), consume.from) : null;
    const statement = consume ? consuming(commit, consume, rows, now, from) : storing(family, rows);
    sent();
    const decision = (await statement.execute(db)).rows[0];
    const outcome = decision && outcomeOf(decision, consume, now);
    if (outcome?.kind === 'theft' && consume && decision) {
      return { kind: 'theft', ...firstUseOf(needs, digest(consume.id), decision) };
    }
    if (outcome) return outcome;
  }
  throw new StorageUnavailable('too many commits of one family at once');
}

function firstUseOf(
  needs: RowNeeds,
  key: string,
  d: Decision,
): Pick<CommitOutcome & { kind: 'theft' }, 'firstUse'> {
  if (!d.consumed_at) return {};
  const from = d.consumed_from ? consumedFrom(needs, key, d.consumed_from) : '';
  return { firstUse: { at: d.consumed_at.getTime(), ...(from ? { from } : {}) } };
}

function outcomeOf(d: Decision, consume: Commit['consume'], now: Date): CommitOutcome | undefined {
  if (d.won) return { kind: 'committed' };
  if (d.stolen) return { kind: 'theft' };
  if (d.ended !== null) return { kind: 'ended', reason: endReasonOf(d.ended) };
  if (!d.there || isLate(d, now)) return { kind: 'absent' };
  if (d.consumed_at && d.answer !== null && d.answer_until && d.answer_until > now) {
    return d.answer_binding === (consume?.answer?.binding ?? '')
      ? { kind: 'replayed', sealed: d.answer }
      : { kind: 'mismatch' };
  }
  if (d.consumed_at && consume?.readUnused) return { kind: 'mismatch' };
  return undefined;
}

function isLate({ consumed_at: used, answer }: Decision, now: Date): boolean {
  return used !== null && answer === null && now.getTime() + LATE_MS < used.getTime();
}

/** Stores without consuming: only the family's end can refuse it. */
function storing(family: string, rows: readonly NewRow[]): RawBuilder<Decision> {
  const key = digest(family);
  return sql<Decision>`
    with fam as (
      select ended_reason from artifacts where key = ${key} and kind = 'Grant' for update
    ), ended as (
      select reason from ended_families where key = ${key}
      union all select ended_reason from fam where ended_reason is not null
    ), ${stored(rows, sql`not exists (select from ended)`)}
    select not exists (select from ended) as won, false as stolen, (select min(reason) from ended) as ended,
      null::timestamptz as consumed_at, null::text as consumed_from, true as there,
      null::text as answer, null::text as answer_binding, null::timestamptz as answer_until`;
}

function consuming(
  commit: Commit,
  consume: NonNullable<Commit['consume']>,
  rows: readonly NewRow[],
  now: Date,
  from: string | null,
): RawBuilder<Decision> {
  const key = digest(commit.family);
  const old = digest(consume.id);
  const windowMs = (consume.answer?.windowSeconds ?? 0) * 1000;
  const answer = windowMs > 0 ? consume.answer : undefined;
  const until = answer ? new Date(now.getTime() + windowMs) : null;
  // The Grant's row is written once a statement: its own put travels with the kept answer.
  const grant = rows.find((row) => row.kind === 'Grant');
  const others = rows.filter((row) => row.kind !== 'Grant');
  return sql<Decision>`
    with ended as (
      select reason from ended_families where key = ${key}
    ), seen as (
      select true as there, o.consumed_at, o.consumed_from, g.answer_key, g.answer, g.answer_binding, g.answer_until
      from artifacts o join artifacts g on g.key = o.family and g.kind = 'Grant'
      where o.key = ${old} and o.kind = ${consume.kind} and o.family = ${key}
        and o.expires_at > ${now} and g.expires_at > ${now}
    ), fam as (
      select ended_reason from artifacts where key = ${key} and kind = 'Grant' and expires_at > ${now} for update
    ), won as (
      update artifacts set consumed_at = ${now}, consumed_from = ${from}::text from fam
      where key = ${old} and kind = ${consume.kind} and family = ${key} and expires_at > ${now}
        and consumed_at is null and fam.ended_reason is null and not exists (select from ended)
      returning key
    ), kept as (
      update artifacts set answer_key = ${old}, answer = ${answer?.sealed ?? null}::text,
        answer_binding = ${answer?.binding ?? null}::text, answer_until = ${until}::timestamptz
        ${grant ? sql`, payload = ${grant.payload}, put_at = ${now}, expires_at = ${grant.expiresAt}` : sql``}
      where key = ${key} and exists (select from won)
    ), ${stored(others, sql`exists (select from won)`)}, stolen as (
      update artifacts set ended_reason = 'replayed', answer = null, answer_key = null from seen
      where key = ${key} and ended_reason is null and not exists (select from ended)
        and seen.consumed_at <= ${new Date(now.getTime() + LATE_MS)} and not ${consume.readUnused ?? false}::boolean
        and (seen.answer_key is distinct from ${old} or seen.answer is null or seen.answer_until <= ${now})
      returning expires_at
    ), buried as (
      insert into ended_families (family_id, key, reason, ended_at, expires_at, applied)
      select ${commit.family}, ${key}, 'replayed', ${now}::timestamptz, ${GRACE} + greatest(expires_at,
        (select max(expires_at) from artifacts where family = ${key})), true
      from stolen on conflict (key) do nothing
    )
    select exists (select from won) as won, exists (select from stolen) as stolen,
      (select reason from ended) as ended, seen.consumed_at, seen.consumed_from, seen.answer_binding, seen.answer_until,
      coalesce(seen.there, false) as there, case when seen.answer_key = ${old} then seen.answer end as answer
    from (select) as one left join seen on true`;
}

function stored(rows: readonly NewRow[], condition: RawBuilder<unknown>): RawBuilder<unknown> {
  if (rows.length === 0) return sql`stored as (select)`;
  return sql`stored as (
    insert into artifacts (${rowColumns})
    select * from (values ${sql.join(rows.map(rowValues))}) as new where ${condition} ${replaceRow}
  )`;
}
