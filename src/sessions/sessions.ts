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
import type { EndedBy, EndReason } from '../storage/end-reasons.ts';
import { endAccess } from '../storage/ended-access.ts';
import { sessionToEnd } from '../storage/ending-names.ts';
import type { FamilyEnder } from '../storage/families.ts';
import { noticeSession, noticeSessionGone, type SessionClient } from '../storage/logout-notices.ts';
import type { Database } from '../storage/tables.ts';

type By = Pick<AuditContext, 'actor' | 'network' | 'requestId'>;

export interface ToTell {
  /** The clients that the session was signed in to. */
  readonly clients: readonly SessionClient[];
  /** The name under which what became of them is read (storage/logout-queue.ts). */
  readonly signOut: string;
}

export interface Sessions {
  /** A token family has begun in it. */
  addFamily(uid: string, family: string, offline: boolean, clientId: string): Promise<void>;
  /**
   * Ends the families of that session that are not offline, and writes down which clients have to be told. The session
   * itself is the engine's to end.
   */
  signOut(uid: string, accountId: string | undefined, by?: By, toTell?: ToTell): Promise<void>;
  /** Ends one session from elsewhere, with everything that was begun in it: offline families too, and devices. */
  signOutDevice(uid: string, accountId: string, by: By): Promise<void>;
  /**
   * Ends every session and every family of the account, offline ones too.
   * `keep`: the uid of a session that lives on, with what was begun in it; `also`: written in the same transaction.
   */
  signOutEverywhere(
    accountId: string,
    by: By,
    o?: {
      readonly keep?: string | undefined;
      readonly also?: ((trx: Kysely<Database>) => Promise<void>) | undefined;
    },
  ): Promise<void>;
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

  const longest = Math.max(longestFamily, lifetimes.sessionAbsolute) + lifetimes.accessToken;

  /** @returns how many families that were */
  async function endSession(
    uid: string,
    o: {
      readonly offlineToo: boolean;
      readonly reason: EndReason;
      readonly by: By;
      readonly also: (trx: Kysely<Database>) => Promise<void>;
    },
  ): Promise<number> {
    const inside = async () =>
      (await artifacts.sessionFamilies(uid)).flatMap(({ family, offline }) =>
        offline && !o.offlineToo ? [] : [family],
      );
    const lives = o.offlineToo ? longest : lifetimes.sessionAbsolute + lifetimes.accessToken;
    const end = (what: readonly string[], also?: (trx: Kysely<Database>) => Promise<void>) =>
      families.end(what, o.reason, lives, { by: endedBy(o.by), ...(also ? { also } : {}) });
    const ended = await inside();
    await end([...ended, sessionToEnd(uid)], o.also);
    // What began before the session was gone and after the first look; nothing begins in it any more.
    const late = (await inside()).filter((family) => !ended.includes(family));
    await end(late);
    return ended.length + late.length;
  }

  return {
    addFamily: (uid, family, offline, clientId) =>
      artifacts.addSessionFamily(uid, family, offline, clientId, lifetimes.sessionAbsolute),
    async signOut(uid, accountId, by = bySelf(accountId), toTell = undefined) {
      const count = await endSession(uid, {
        offlineToo: false,
        reason: 'signed out',
        by,
        async also(trx) {
          if (accountId === undefined || !toTell) return;
          await noticeSession(trx, { sessionUid: uid, accountId, ...toTell, at: clock.now() });
        },
      });
      const detail = { everywhere: false, families: count };
      await audit.append(db, { type: 'account.signed-out', detail, accountId, ...by });
    },
    async signOutDevice(uid, accountId, by) {
      const reason = reasonOf(by);
      await endSession(uid, {
        offlineToo: true,
        reason,
        by,
        async also(trx) {
          await noticeSessionGone(trx, uid, clock.now());
          await audit.append(trx, { type: 'session.ended', detail: { reason }, accountId, ...by });
        },
      });
    },
    signOutEverywhere: (accountId, by, { keep, also } = {}) =>
      db.transaction().execute(async (trx) => {
        const at = clock.now();
        await endAccess(trx, {
          accountId,
          reason: 'signed out',
          by: endedBy(by),
          at,
          expiresAt: at + longest * 1000,
          ...(keep === undefined ? {} : { keptSession: keep }),
        });
        // How many families that were is not counted: they are ended by a fact, not one by one.
        const detail = {
          everywhere: keep === undefined,
          families: 0,
          ...(keep === undefined ? {} : { others: true }),
        };
        await audit.append(trx, { type: 'account.signed-out', detail, accountId, ...by });
        await also?.(trx);
      }),
  };
}

/** Why a session ends that somebody ends from elsewhere. */
const reasonOf = ({ actor }: By): EndReason =>
  actor.kind === 'account' ? 'revoked by person' : 'revoked by administrator';

const endedBy = ({ actor }: By): EndedBy => actor.kind;

function bySelf(accountId: string | undefined): By {
  return { actor: accountId === undefined ? { kind: 'system' } : { kind: 'account', id: accountId } };
}
