/**
 * What a person's sessions hold and how they end. A browser session keeps an index of the token families that were
 * begun in it; signing out ends those that are not offline, and no others: `offline_access` outlives the session
 * (OpenID Connect Core 1.0 section 11). Signing out everywhere is one fact about the account, whatever it holds.
 */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { AuditContext } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Artifacts } from '../storage/artifacts.ts';
import type { EndedBy } from '../storage/end-reasons.ts';
import { endAccess } from '../storage/ended-access.ts';
import { type FamilyEnder, sessionToEnd } from '../storage/families.ts';
import { noticeSession, type SessionClient } from '../storage/logout-notices.ts';
import type { Database } from '../storage/tables.ts';

type By = Pick<AuditContext, 'actor' | 'network' | 'requestId'>;

export interface ToTell {
  /** The clients that the session was signed in to. */
  readonly clients: readonly SessionClient[];
  /** The name under which what became of them is read (storage/logout-queue.ts). */
  readonly signOut: string;
}

export interface Sessions {
  /** A browser session has begun. */
  onSignIn(session: { accountId: string; uid: string; remembered: boolean }, by: By): Promise<void>;
  /** A token family has begun in it. */
  addFamily(uid: string, family: string, offline: boolean, clientId: string): Promise<void>;
  /**
   * Ends the families of that session that are not offline, and writes down which clients have to be told. The session
   * itself is the engine's to end.
   */
  signOut(uid: string, accountId: string | undefined, by?: By, toTell?: ToTell): Promise<void>;
  /** Ends every session and every family of the account, offline ones too. */
  signOutEverywhere(accountId: string, by: By): Promise<void>;
}

export function createSessions({
  db,
  artifacts,
  families,
  audit,
  clock,
  lifetimes,
}: {
  db: Kysely<Database>;
  artifacts: Pick<Artifacts, 'addSessionFamily' | 'sessionFamilies'>;
  families: Pick<FamilyEnder, 'end'>;
  audit: Pick<Audit, 'append'>;
  clock: Clock;
  lifetimes: Lifetimes;
}): Sessions {
  const longestFamily = Math.max(...Object.values(lifetimes.familyAbsolute));

  return {
    async onSignIn({ accountId, remembered }, by) {
      await audit.append(db, { type: 'session.started', detail: { remembered }, accountId, ...by });
    },
    addFamily: (uid, family, offline, clientId) =>
      artifacts.addSessionFamily(uid, family, offline, clientId, lifetimes.sessionAbsolute),
    async signOut(uid, accountId, by = bySelf(accountId), toTell = undefined) {
      const boundFamilies = async () =>
        (await artifacts.sessionFamilies(uid)).flatMap(({ family, offline }) => (offline ? [] : [family]));
      const end = (what: readonly string[], also?: (trx: Kysely<Database>) => Promise<void>) =>
        families.end(what, 'signed out', lifetimes.sessionAbsolute + lifetimes.accessToken, {
          by: endedBy(by),
          ...(also ? { also } : {}),
        });
      const ended = await boundFamilies();
      await end([...ended, sessionToEnd(uid)], async (trx) => {
        if (accountId === undefined || !toTell) return;
        await noticeSession(trx, { sessionUid: uid, accountId, ...toTell, at: clock.now() });
      });
      // What began before the session was gone and after the first look; nothing begins in it any more.
      const late = (await boundFamilies()).filter((family) => !ended.includes(family));
      await end(late);
      const detail = { everywhere: false, families: ended.length + late.length };
      await audit.append(db, { type: 'account.signed-out', detail, accountId, ...by });
    },
    signOutEverywhere: (accountId, by) =>
      db.transaction().execute(async (trx) => {
        const at = clock.now();
        const longest = Math.max(longestFamily, lifetimes.sessionAbsolute) + lifetimes.accessToken;
        await endAccess(trx, {
          accountId,
          reason: 'signed out',
          by: endedBy(by),
          at,
          expiresAt: at + longest * 1000,
        });
        // How many families that were is not counted: they are ended by a fact, not one by one.
        const detail = { everywhere: true, families: 0 };
        await audit.append(trx, { type: 'account.signed-out', detail, accountId, ...by });
      }),
  };
}

const endedBy = ({ actor }: By): EndedBy => actor.kind;

function bySelf(accountId: string | undefined): By {
  return { actor: accountId === undefined ? { kind: 'system' } : { kind: 'account', id: accountId } };
}
