/**
 * Artifacts in SQL, for the set-ups without Redis: one statement an operation, on Postgres and PGlite alike. The
 * family's row is its Grant; the tombstone is the durable fact itself, `ended_families`, which every find looks at,
 * since an insert that checked for it first may still land after it under READ COMMITTED.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { commitFamily } from './artifact-commit.ts';
import {
  type FoundRow,
  foundIn,
  opened,
  type RowNeeds,
  replaceRow,
  rowColumns,
  rowOf,
  rowValues,
} from './artifact-rows.ts';
import { sweepExpired } from './artifact-sweep.ts';
import type { Artifacts, Found, Put } from './artifacts.ts';
import { digest } from './digest.ts';
import { endReasonOf } from './end-reasons.ts';
import { sessionToEnd } from './ending-names.ts';
import { isKind, isSessionUid } from './ids.ts';
import type { Database } from './tables.ts';
import { StorageUnavailable } from './unavailable.ts';

/** A claim made late still stands for a second: the loser of a race must not become a second winner. */
const SHORTEST_CLAIM_MS = 1_000;
const UNIQUE_VIOLATION = '23505';
const SESSION_RUNS = 6;

interface FamilyRow {
  payload: string | null;
  born_at: Date | null;
  expires_at: Date | null;
  ended: string | null;
  denied: boolean;
}

export function createSqlArtifacts(needs: RowNeeds & { readonly db: Kysely<Database> }): Artifacts {
  const { db, clock } = needs;
  let trips = 0;
  const now = () => new Date(clock.now());
  const after = (seconds: number) => new Date(clock.now() + Math.max(1, Math.ceil(seconds * 1000)));

  async function run<Row>(statement: RawBuilder<Row>): Promise<Row[]> {
    trips += 1;
    return (await statement.execute(db)).rows;
  }

  async function find(where: RawBuilder<unknown>): Promise<Found> {
    const [row] = await run(sql<FoundRow>`
      select wanted.key, a.kind, a.payload, a.born_at, a.consumed_at, a.consumed_from, a.expires_at,
        g.key as grant_key, g.payload as grant_payload, g.born_at as grant_born_at, g.expires_at as grant_expires_at,
        case when g.answer_key = a.key then g.answer end as answer, g.answer_binding, g.answer_until, e.reason as ended
      from (${where}) as wanted
      left join artifacts a on a.key = wanted.key and a.kind = wanted.kind and a.ended_reason is null
      left join artifacts g on g.key = a.family and g.kind = 'Grant'
      left join ended_families e on e.key = coalesce(a.family, wanted.key)`);
    return foundIn(needs, row);
  }

  async function put(p: Put): Promise<boolean> {
    const row = rowOf(needs, p);
    if (!row) return true;
    if (p.uid !== undefined) return putSession(rowValues(row), row.key, p.uid);
    await run(sql`
      insert into artifacts (${rowColumns})
      select * from (values ${rowValues(row)}) as new
      where not exists (select from ended_families where key = ${row.family}) ${replaceRow}`);
    return true;
  }

  /**
   * The id that the uid named before is replaced and never comes back, whatever request still holds it. A session that
   * was signed out does not come back under a new id either.
   */
  async function putSession(values: RawBuilder<unknown>, key: string, uid: string): Promise<boolean> {
    const uidKey = digest(uid);
    const statement = sql<{ stored: boolean; ended: boolean; gone: boolean }>`
      with ended as (
        select from ended_families where key = ${digest(sessionToEnd(uid))}
      ), gone as (
        select from artifacts where key = ${key} and ended_reason is not null
      ), before as (
        select key from artifacts
        where uid_key = ${uidKey} and key <> ${key} and ended_reason is null and kind = 'Session'
          and not exists (select from gone) and not exists (select from ended)
      ), replaced as (
        update artifacts set ended_reason = 'replaced', payload = '' from before
        where artifacts.key = before.key and artifacts.ended_reason is null
        returning artifacts.key
      ), stored as (
        insert into artifacts (${rowColumns}) select new.* from (values ${values}) as new
        where not exists (select from ended)
          and (select count(*) from replaced) = (select count(*) from before) ${replaceRow}
        returning key
      )
      select exists (select from stored) as stored, exists (select from ended) as ended,
        exists (select from gone) as gone`;
    for (let runs = 0; runs < SESSION_RUNS; runs += 1) {
      // Another request gave the session a new id, or ended it, at the same time: now that is seen.
      const [seen] = await run(statement).catch((error: unknown) => {
        if (!isUniqueViolation(error)) throw error;
        return [];
      });
      if (seen?.ended) return false;
      if (seen?.stored || seen?.gone) return true;
    }
    throw new StorageUnavailable('too many changes of one session at once');
  }

  return {
    put,
    find: async (kind, id) =>
      isKind(id, kind) ? find(sql`select ${digest(id)}::text as key, ${kind}::text as kind`) : {},
    findSessionByUid: async (uid) =>
      isSessionUid(uid)
        ? find(sql`select key, kind from artifacts
            where uid_key = ${digest(uid)} and ended_reason is null and kind = 'Session'`)
        : {},
    findByUserCode: (code) =>
      find(sql`select key, kind from artifacts
        where user_code_key = ${digest(code)} and kind = 'DeviceCode' order by put_at desc limit 1`),
    consume: async (kind, id) => {
      if (!isKind(id, kind)) return false;
      const won = await run(sql`
        update artifacts set consumed_at = ${now()}
        where key = ${digest(id)} and kind = ${kind} and consumed_at is null and expires_at > ${now()}
          and ended_reason is null and not exists (select from ended_families e where e.key = artifacts.family)
        returning key`);
      return won.length === 1;
    },
    commit: (commit) =>
      commitFamily(db, needs, commit, () => {
        trips += 1;
      }),
    destroy: async (kind, id) => {
      if (!isKind(id, kind)) return;
      const key = digest(id);
      // A session's id stays as a mark until it would have expired, so that a late put does not bring it back.
      if (kind === 'Session') {
        await run(sql`update artifacts set ended_reason = 'destroyed', payload = ''
          where key = ${key} and kind = 'Session' and ended_reason is null`);
      } else await run(sql`delete from artifacts where key = ${key} and kind = ${kind}`);
    },
    endFamily: async (family, reason, ttlSeconds) => {
      const key = digest(family);
      await run(sql`
        with marked as (
          update artifacts set ended_reason = ${reason}, answer = null, answer_key = null
          where key = ${key} and kind = 'Grant' and ended_reason is null
        )
        insert into ended_families (family_id, key, reason, ended_at, expires_at, applied)
        select ${family}, ${key}, ${reason}, ${now()}::timestamptz, greatest(${after(ttlSeconds)}::timestamptz,
          (select max(expires_at) from artifacts where family = ${key})), true
        on conflict (key) do update
          set expires_at = greatest(ended_families.expires_at, excluded.expires_at), applied = true`);
    },
    familyState: async (family, jti) => {
      const key = family === undefined ? null : digest(family);
      const [state] = await run(sql<FamilyRow>`
        select g.payload, g.born_at, g.expires_at,
          (select reason from ended_families where key = ${key}) as ended,
          exists (select from ended_tokens where jti = ${jti} and expires_at > ${now()}) as denied
        from (select 1) as one left join artifacts g on g.key = ${key} and g.kind = 'Grant'`);
      const ended = state?.ended ?? undefined;
      const grant =
        key === null || ended || !state
          ? undefined
          : opened(needs, 'Grant', key, state.payload, state.born_at, state.expires_at);
      return {
        known: family === undefined || grant !== undefined,
        denied: state?.denied === true,
        ...(ended ? { ended: endReasonOf(ended) } : {}),
        ...(grant ? { grant } : {}),
      };
    },
    denyToken: async (jti, family, ttlSeconds) => {
      await run(sql`
        insert into ended_tokens (jti, family_id, ended_at, expires_at, applied)
        values (${jti}, ${family ?? null}, ${now()}, ${after(ttlSeconds)}, true)
        on conflict (jti) do update
          set expires_at = greatest(ended_tokens.expires_at, excluded.expires_at), applied = true`);
    },
    claim: async (scope, value, expiresAt) => {
      const until = new Date(Math.max(expiresAt, clock.now() + SHORTEST_CLAIM_MS));
      const won = await run(sql`
        insert into claims (key, expires_at) values (${digest(`${scope}\0${value}`)}, ${until})
        on conflict (key) do update set expires_at = excluded.expires_at where claims.expires_at <= ${now()}
        returning key`);
      return won.length === 1;
    },
    addSessionFamily: async (uid, family, offline, clientId, ttlSeconds) => {
      await run(sql`
        insert into session_families (uid_key, family, offline, client_id, expires_at)
        values (${digest(uid)}, ${family}, ${offline}, ${clientId}, ${after(ttlSeconds)})
        on conflict (uid_key, family) do update
          set offline = excluded.offline, client_id = excluded.client_id, expires_at = excluded.expires_at`);
    },
    sessionFamilies: async (uid) => {
      const rows = await run(sql<{ family: string; offline: boolean; client_id: string }>`
        select family, offline, client_id from session_families
        where uid_key = ${digest(uid)} and expires_at > ${now()}`);
      return rows.map(({ family, offline, client_id }) => ({ family, offline, clientId: client_id }));
    },
    sweep: () => sweepExpired(db, clock),
    tripCount: () => trips,
    ping: async () => {
      await run(sql`select 1`);
    },
    close: async () => undefined,
  };
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION;
}
