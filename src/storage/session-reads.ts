/** What is read of browser sessions (session-rows.ts). */
import { type Kysely, type Selectable, sql } from 'kysely';
import { type EndedBy, type EndReason, endReasonOf } from './end-reasons.ts';
import type { Database } from './tables.ts';
import type { BrowserSessionTable } from './tables-sessions.ts';

/** Times are ms since the epoch. */
export interface SessionRecord {
  readonly id: string;
  /** SHA-256 of the engine's uid. */
  readonly key: string;
  readonly startedAt: number;
  readonly signedInAt: number;
  readonly lastSeenAt: number;
  readonly network: string;
  readonly lastNetwork: string;
  readonly browser?: string;
  readonly system?: string;
  readonly device: string;
  readonly amr: readonly string[];
  readonly remembered: boolean;
  readonly ends: number;
  readonly ended?: { readonly at: number; readonly reason: EndReason; readonly by: EndedBy };
}

/** No fact about the account ends it: the fact may be younger than the row, and the row than the fact. */
const untouched = sql<boolean>`not exists (
  select from ended_access e where e.account_id = browser_sessions.account_id and e.client_id = ''
    and e.ended_at >= browser_sessions.signed_in_at
    and (e.whole_at >= browser_sessions.signed_in_at or e.kept_session is distinct from browser_sessions.uid_key))`;

const living = (at: number) =>
  sql<boolean>`ended_at is null and least(idle_until, absolute_until) > ${new Date(at)}::timestamptz`;

/** The living ones of an account, last seen first. */
export async function listLivingSessions(
  db: Kysely<Database>,
  by: { accountId: string; at: number; limit: number },
): Promise<SessionRecord[]> {
  const rows = await db
    .selectFrom('browser_sessions')
    .selectAll()
    .where('account_id', '=', by.accountId)
    .where(living(by.at))
    .where(untouched)
    .orderBy('last_seen_at', 'desc')
    .orderBy('id', 'desc')
    .limit(by.limit)
    .execute();
  return rows.map(recordOf);
}

/** A living session of that account, and of no other. */
export async function findLivingSession(
  db: Kysely<Database>,
  by: { accountId: string; id: string; at: number },
): Promise<{ readonly uidSealed: string } | undefined> {
  const row = await db
    .selectFrom('browser_sessions')
    .select('uid_sealed')
    .where('id', '=', by.id)
    .where('account_id', '=', by.accountId)
    .where(living(by.at))
    .where(untouched)
    .executeTakeFirst();
  return row && { uidSealed: row.uid_sealed };
}

function recordOf(row: Selectable<BrowserSessionTable>): SessionRecord {
  return {
    id: row.id,
    key: row.uid_key,
    startedAt: row.started_at.getTime(),
    signedInAt: row.signed_in_at.getTime(),
    lastSeenAt: row.last_seen_at.getTime(),
    network: row.network,
    lastNetwork: row.last_network,
    ...(row.browser === null ? {} : { browser: row.browser }),
    ...(row.system === null ? {} : { system: row.system }),
    device: row.device,
    amr: row.amr,
    remembered: row.remembered,
    ends: Math.min(row.idle_until.getTime(), row.absolute_until.getTime()),
    ...(row.ended_at
      ? {
          ended: {
            at: row.ended_at.getTime(),
            reason: endReasonOf(row.ended_reason ?? ''),
            by: (row.ended_by ?? 'system') as EndedBy,
          },
        }
      : {}),
  };
}
