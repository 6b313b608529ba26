/**
 * Ending a family for good. The row in SQL comes first and is the fact; the tombstone, which every find and commit
 * meets, follows. A row whose tombstone could not be set is an outbox: whichever process can reaches it applies it.
 * Nothing here decides that a family should end.
 */
import type { Kysely } from 'kysely';
import type { Artifacts } from './artifacts.ts';
import { type EndedBy, type EndReason, endReasonOf } from './end-reasons.ts';
import { endFamilies } from './ended-access.ts';
import { uidOfEnding } from './ending-names.ts';
import type { Database } from './tables.ts';

/** Longer than the longest family of lifetimes.ts (native, 365 days) can live. */
const LONGEST_FAMILY_SECONDS = 366 * 86_400;
/** One page is one statement and one pipelined burst: 500 tombstones are about 100 kB and 10 ms of Redis. */
const PAGE = 500;

export interface FamilyEnder {
  /**
   * Ends them, durably before it returns. Repeating it is harmless; the first reason stands.
   * @param livesSeconds how long the families could still live at most; 366 days when not given
   * @param more who ended them, and what is to be written in the same transaction
   * @throws StorageUnavailable when the row or a tombstone could not be written; with the row there, it follows later
   */
  end(families: readonly string[], reason: EndReason, livesSeconds?: number, more?: Ending): Promise<void>;
  /** The same for one token that is not stored (JWT), until it would have expired. */
  denyToken(jti: string, family: string | undefined, ttlSeconds: number): Promise<void>;
  /** Sets the tombstones that are still owed; answers how many. */
  applyOutstanding(): Promise<number>;
  /** Sets all of them again, for a Redis that may have lost some; answers how many. */
  reapplyAll(): Promise<number>;
  /** Applies what is outstanding every so often, until `close`. */
  start(intervalMs: number): void;
  close(): Promise<void>;
}

export interface Ending {
  readonly by?: EndedBy;
  readonly also?: (trx: Kysely<Database>) => Promise<void>;
}

interface Needs {
  db: Kysely<Database>;
  artifacts: Pick<Artifacts, 'endFamily' | 'denyToken' | 'findSessionByUid' | 'destroy'>;
  clock: { now(): number };
  log: { warn(message: string, fields?: Record<string, unknown>): void };
}

type Kind = 'families' | 'tokens';

const SESSION_LOOKS = 4;

export function createFamilyEnder({ db, artifacts, clock, log }: Needs): FamilyEnder {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();

  const secondsLeft = (expiresAt: Date) => Math.max(1, (expiresAt.getTime() - clock.now()) / 1000);

  async function mark(id: string, reason: EndReason, seconds: number): Promise<void> {
    const [uid] = uidOfEnding(id);
    if (uid === undefined) return artifacts.endFamily(id, reason, seconds);
    // Again until there is none: a request may have been giving it a new id.
    for (let looks = 0; looks < SESSION_LOOKS; looks += 1) {
      const { artifact } = await artifacts.findSessionByUid(uid);
      if (!artifact) return;
      await artifacts.destroy('Session', String(artifact.payload.jti));
    }
  }

  async function familiesPage(after: string, owedOnly: boolean): Promise<string[]> {
    let query = db
      .selectFrom('ended_families')
      .select(['family_id', 'reason', 'expires_at'])
      .where('family_id', '>', after)
      .where('expires_at', '>', new Date(clock.now()))
      .orderBy('family_id')
      .limit(PAGE);
    if (owedOnly) query = query.where('applied', '=', false);
    const rows = await query.execute();
    await Promise.all(
      rows.map((row) => mark(row.family_id, endReasonOf(row.reason), secondsLeft(row.expires_at))),
    );
    return rows.map((row) => row.family_id);
  }

  async function tokensPage(after: string, owedOnly: boolean): Promise<string[]> {
    let query = db
      .selectFrom('ended_tokens')
      .select(['jti', 'family_id', 'expires_at'])
      .where('jti', '>', after)
      .where('expires_at', '>', new Date(clock.now()))
      .orderBy('jti')
      .limit(PAGE);
    if (owedOnly) query = query.where('applied', '=', false);
    const rows = await query.execute();
    await Promise.all(
      rows.map((row) =>
        artifacts.denyToken(row.jti, row.family_id ?? undefined, secondsLeft(row.expires_at)),
      ),
    );
    return rows.map((row) => row.jti);
  }

  async function markApplied(kind: Kind, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    if (kind === 'families') {
      await db.updateTable('ended_families').set({ applied: true }).where('family_id', 'in', ids).execute();
    } else {
      await db.updateTable('ended_tokens').set({ applied: true }).where('jti', 'in', ids).execute();
    }
  }

  async function apply(owedOnly: boolean): Promise<number> {
    let done = 0;
    for (const kind of ['families', 'tokens'] as const) {
      let ids: string[] = [];
      do {
        const after = ids.at(-1) ?? '';
        ids = await (kind === 'families' ? familiesPage(after, owedOnly) : tokensPage(after, owedOnly));
        if (owedOnly) await markApplied(kind, ids);
        done += ids.length;
      } while (ids.length === PAGE);
    }
    return done;
  }

  return {
    end: async (families, reason, livesSeconds = LONGEST_FAMILY_SECONDS, { by, also } = {}) => {
      if (families.length === 0) return;
      const at = clock.now();
      const expiresAt = at + livesSeconds * 1000;
      const ending = { families, reason, at, expiresAt, ...(by ? { by } : {}) };
      await db.transaction().execute(async (trx) => {
        await endFamilies(trx, ending);
        await also?.(trx);
      });
      await Promise.all(families.map((family) => mark(family, reason, livesSeconds)));
      await markApplied('families', families);
    },
    denyToken: async (jti, family, ttlSeconds) => {
      const at = clock.now();
      const row = {
        jti,
        family_id: family ?? null,
        ended_at: new Date(at),
        expires_at: new Date(at + ttlSeconds * 1000),
      };
      await db
        .insertInto('ended_tokens')
        .values(row)
        .onConflict((same) => same.column('jti').doNothing())
        .execute();
      await artifacts.denyToken(jti, family, ttlSeconds);
      await markApplied('tokens', [jti]);
    },
    applyOutstanding: () => apply(true),
    reapplyAll: () => apply(false),
    start: (intervalMs) => {
      let busy = false;
      timer = setInterval(() => {
        if (busy) return;
        busy = true;
        running = apply(true)
          .catch((error: unknown) => log.warn('ended families are not applied yet', { fault: String(error) }))
          .finally(() => {
            busy = false;
          });
      }, intervalMs);
      timer.unref();
    },
    close: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
