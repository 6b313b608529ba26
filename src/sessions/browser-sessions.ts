/**
 * What people see of their browser sessions, and end: where, on what, since when, what is inside. A session is written
 * down at its sign-in, before the engine stores it; that it is used is noted every few minutes at most, in batches, and
 * never by a request for tokens. Ending one is for the account that it belongs to, by a name that opens nothing.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { AuditContext } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import { digest } from '../storage/digest.ts';
import type { Sealing } from '../storage/sealing.ts';
import { findLivingSession, listLivingSessions, type SessionRecord } from '../storage/session-reads.ts';
import {
  type SessionSeen,
  sweepSessions,
  writeSessionStart,
  writeSessionsSeen,
} from '../storage/session-rows.ts';
import { sweepInRounds } from '../storage/sweep-rounds.ts';
import type { Database } from '../storage/tables.ts';
import { browserNames } from './browser-names.ts';
import type { Sessions } from './sessions.ts';

type By = Pick<AuditContext, 'actor' | 'network' | 'requestId'>;

/** A browser in which somebody has just proved who they are. */
export interface SignedInBrowser {
  readonly uid: string;
  readonly accountId: string;
  /** ms */
  readonly at: number;
  readonly amr: readonly string[];
  readonly remembered: boolean;
  readonly network: string;
  readonly userAgent: string;
}

export interface BrowserSessions {
  signedIn(browser: SignedInBrowser, requestId?: string): Promise<void>;
  /** It was used. `secondsLeft`: until it would end if it were not used again. */
  seen(o: { uid: string; network: string; secondsLeft: number }): void;
  /** The living ones, last seen first; 100 at most. */
  list(accountId: string): Promise<readonly SessionRecord[]>;
  /** Ends one of the account's own, with everything that was begun in it. False: it has none of that name. */
  end(accountId: string, id: string, by: By): Promise<boolean>;
  /** How a session is told to be the one of this request. */
  keyOf(uid: string): string;
  flush(): Promise<void>;
  sweep(): Promise<number>;
  close(): Promise<void>;
}

const MOST_LISTED = 100;
/** How late the last use is told. */
const COARSE_MS = 5 * 60_000;
/** Sessions in use at once that are not written again; beyond that some are written more often than needed. */
const MOST_KNOWN = 20_000;
const FLUSH_MS = 2_000;
/** SQLSTATE foreign_key_violation: the account was deleted while its person signed in. */
const NO_ACCOUNT = '23503';

export function createBrowserSessions(o: {
  db: Kysely<Database>;
  sealing: Pick<Sealing, 'seal' | 'open'>;
  sessions: Pick<Sessions, 'signOutDevice'>;
  audit: Pick<Audit, 'append'>;
  clock: Clock;
  lifetimes: Lifetimes;
  log: { warn(message: string, fields?: Record<string, unknown>): void };
}): BrowserSessions {
  const { db, sealing, audit, clock, lifetimes, log } = o;
  /** Key → when its use was last noted (ms), oldest first. */
  const noted = new Map<string, number>();
  let waiting = new Map<string, SessionSeen>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const aad = (id: string) => `browser-session:${id}`;

  function remember(key: string, at: number): void {
    noted.delete(key);
    noted.set(key, at);
    const oldest = noted.size > MOST_KNOWN ? noted.keys().next().value : undefined;
    if (oldest !== undefined) noted.delete(oldest);
  }

  async function write(): Promise<void> {
    const seen = [...waiting.values()];
    waiting = new Map();
    await writeSessionsSeen(db, seen).catch((error: unknown) => {
      // The next use is noted again; nothing but a time on a page is late.
      for (const { key } of seen) noted.delete(key);
      log.warn('the last use of sessions is not noted', { fault: String(error) });
    });
  }

  function flush(): Promise<void> {
    running = running.then(write);
    return running;
  }

  return {
    async signedIn({ uid, accountId, at, amr, remembered, network, userAgent }, requestId) {
      const idle = remembered ? lifetimes.sessionIdle : lifetimes.briefIdle;
      const absolute = remembered ? lifetimes.sessionAbsolute : lifetimes.briefAbsolute;
      const id = randomBytes(16).toString('base64url');
      const absoluteUntil = at + absolute * 1000;
      remember(digest(uid), at);
      await db
        .transaction()
        .execute(async (trx) => {
          const isNew = await writeSessionStart(trx, {
            ...{ id, uid, accountId, at, amr, remembered, network },
            ...browserNames(userAgent),
            uidSealed: sealing.seal(uid, aad(id)),
            idleUntil: at + idle * 1000 + COARSE_MS,
            absoluteUntil,
            forgetAt: absoluteUntil + lifetimes.familyHistory * 1000,
          });
          if (!isNew) return;
          await audit.append(trx, {
            type: 'session.started',
            detail: { remembered },
            actor: { kind: 'account', id: accountId },
            ...{ accountId, network, requestId },
          });
        })
        .catch((error: unknown) => {
          // The session will be found by nobody: its account is gone.
          if (!(error instanceof Error && 'code' in error && error.code === NO_ACCOUNT)) throw error;
        });
    },
    seen({ uid, network, secondsLeft }) {
      const key = digest(uid);
      const at = clock.now();
      if (at - (noted.get(key) ?? 0) < COARSE_MS || waiting.size >= MOST_KNOWN) return;
      remember(key, at);
      waiting.set(key, { key, at, network, idleUntil: at + secondsLeft * 1000 + COARSE_MS });
      timer ??= setTimeout(() => {
        timer = undefined;
        void flush();
      }, FLUSH_MS).unref();
    },
    list: (accountId) => listLivingSessions(db, { accountId, at: clock.now(), limit: MOST_LISTED }),
    async end(accountId, id, by) {
      const found = await findLivingSession(db, { accountId, id, at: clock.now() });
      if (!found) return false;
      await o.sessions.signOutDevice(sealing.open(found.uidSealed, aad(id)), accountId, by);
      return true;
    },
    keyOf: digest,
    flush,
    sweep: () => sweepInRounds((rows) => sweepSessions(db, clock.now(), rows)),
    async close() {
      clearTimeout(timer);
      await flush();
    },
  };
}
