/** Rows of `artifacts` from puts, and what a found row says: the one place that seals and opens their payloads. */
import { type RawBuilder, sql } from 'kysely';
import type { Clock } from '../config/clock.ts';
import type { Log } from '../observability/log.ts';
import { checkPut, expiryOf } from './artifact-rules.ts';
import type { Found, Put, StoredArtifact } from './artifacts.ts';
import { digest } from './digest.ts';
import { endReasonOf } from './end-reasons.ts';
import type { ArtifactKind } from './ids.ts';
import type { Sealing } from './sealing.ts';

export interface RowNeeds {
  readonly sealing: Pick<Sealing, 'seal' | 'open'>;
  readonly clock: Clock;
  readonly log?: Pick<Log, 'warn'>;
}

/** One answer of the find statements: the artifact, its Grant, the kept answer, the family's end. */
export interface FoundRow {
  key: string;
  kind: ArtifactKind | null;
  payload: string | null;
  born_at: Date | null;
  consumed_at: Date | null;
  consumed_from: string | null;
  expires_at: Date | null;
  grant_key: string | null;
  grant_payload: string | null;
  grant_born_at: Date | null;
  grant_expires_at: Date | null;
  answer: string | null;
  answer_binding: string | null;
  answer_until: Date | null;
  ended: string | null;
}

export interface NewRow {
  readonly key: string;
  readonly kind: ArtifactKind;
  readonly family: string | null;
  readonly uidKey: string | null;
  readonly userCodeKey: string | null;
  readonly payload: string;
  readonly bornAt: Date;
  readonly expiresAt: Date;
}

/** @param family the family of the commit, for puts that do not name it. Undefined when it has expired already. */
export function rowOf(needs: RowNeeds, p: Put, family?: string): NewRow | undefined {
  const familyId = p.kind === 'Grant' ? p.id : (p.family ?? family);
  checkPut(familyId === undefined || p.kind === 'Grant' ? p : { ...p, family: familyId });
  const now = needs.clock.now();
  const expiresAt = expiryOf(p, now);
  if (expiresAt <= now) return undefined;
  const key = digest(p.id);
  return {
    key,
    kind: p.kind,
    family: familyId === undefined ? null : digest(familyId),
    uidKey: p.uid === undefined ? null : digest(p.uid),
    userCodeKey: p.userCode === undefined ? null : digest(p.userCode),
    payload: needs.sealing.seal(JSON.stringify(p.payload), `${p.kind}:${key}`),
    bornAt: new Date(now),
    expiresAt: new Date(expiresAt),
  };
}

export const rowColumns = sql`key, kind, family, uid_key, user_code_key, payload, born_at, put_at, expires_at`;

export function rowValues(row: NewRow): RawBuilder<unknown> {
  return sql`(${row.key}::text, ${row.kind}::text, ${row.family}::text, ${row.uidKey}::text, ${row.userCodeKey}::text,
    ${row.payload}::text, ${row.bornAt}::timestamptz, ${row.bornAt}::timestamptz, ${row.expiresAt}::timestamptz)`;
}

// What is replaced keeps its birth and its consumed mark, unless it had expired: then it was not there any more.
// What has ended (a Grant's family, a session's id) does not come back.
export const replaceRow = sql`
  on conflict (key) do update set
    payload = excluded.payload, put_at = excluded.put_at, expires_at = excluded.expires_at,
    family = excluded.family, uid_key = excluded.uid_key, user_code_key = excluded.user_code_key,
    born_at = case when artifacts.expires_at <= excluded.put_at then excluded.born_at else artifacts.born_at end,
    consumed_at = case when artifacts.expires_at <= excluded.put_at then null else artifacts.consumed_at end,
    consumed_from = case when artifacts.expires_at <= excluded.put_at then null else artifacts.consumed_from end
  where artifacts.ended_reason is null and artifacts.kind = excluded.kind`;

export function foundIn(needs: RowNeeds, row: FoundRow | undefined): Found {
  if (!row) return {};
  if (row.ended !== null) return { ended: endReasonOf(row.ended) };
  const { kind, answer, answer_binding: binding, answer_until: until } = row;
  const artifact = kind && opened(needs, kind, row.key, row.payload, row.born_at, row.expires_at);
  if (!artifact) return {};
  const grant =
    row.grant_key === null || kind === 'Grant'
      ? undefined
      : opened(needs, 'Grant', row.grant_key, row.grant_payload, row.grant_born_at, row.grant_expires_at);
  if (grant) artifact.bornAt = grant.bornAt;
  if (row.consumed_at) artifact.consumedAt = row.consumed_at.getTime();
  const from = row.consumed_from ? consumedFrom(needs, row.key, row.consumed_from) : '';
  if (from) artifact.consumedFrom = from;
  const found: Found = { artifact, ...(grant ? { grant } : {}) };
  if (row.consumed_at && answer && binding !== null && until && needs.clock.now() < until.getTime()) {
    found.answer = { sealed: answer, binding, until: until.getTime() };
  }
  return found;
}

/** Seals and opens the network that something was consumed from; '' when it does not open: it decides nothing. */
export function sealFrom({ sealing }: RowNeeds, key: string, network: string): string {
  return sealing.seal(network, `consumed from:${key}`);
}

export function consumedFrom({ sealing }: RowNeeds, key: string, sealed: string): string {
  try {
    return sealing.open(sealed, `consumed from:${key}`);
  } catch {
    // A replay is a replay wherever the first use came from.
    return '';
  }
}

/** Absent when it has expired, and when it cannot be opened: then one person signs in again, and we hear of it. */
export function opened(
  { sealing, clock, log }: RowNeeds,
  kind: ArtifactKind,
  key: string,
  payload: string | null,
  bornAt: Date | null,
  expiresAt: Date | null,
): StoredArtifact | undefined {
  if (!payload || !bornAt || !expiresAt || expiresAt.getTime() <= clock.now()) return undefined;
  try {
    const value: Record<string, unknown> = JSON.parse(sealing.open(payload, `${kind}:${key}`));
    return { payload: value, bornAt: bornAt.getTime(), expiresAt: expiresAt.getTime() };
  } catch (error) {
    log?.warn('a stored artifact does not open', { kind, fault: String(error) });
    return undefined;
  }
}
