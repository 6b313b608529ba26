/** Gives the protocol and the pages what they need to tell clients, and people, that somebody signed out. */
import { randomBytes } from 'node:crypto';
import type { EndingSession, SignOut } from './protocol/back-channel-logout.ts';
import type { Rooms } from './rooms.ts';
import { noteClientSession, noticeClient } from './storage/logout-notices.ts';

/** The person waits this long for their apps to be told (OpenID Connect Back-Channel Logout section 2.8). */
const WAIT_MS = 2_000;

/** The apps of a sign-out, by the names that people know. */
export interface ToldApps {
  readonly told: readonly string[];
  /** Still being told. */
  readonly pending: readonly string[];
  /** Without an address, or given up: the person has to sign out there. */
  readonly unreachable: readonly string[];
}

export function createSigningOut(rooms: Rooms, ownClientId: string) {
  const { clock, database, directory, log, logoutDelivery, logoutQueue, sessions } = rooms;
  const { db } = database;

  return {
    noteSession: (session: Parameters<typeof noteClientSession>[1]) => noteClientSession(db, session),
    noticeClient: (o: { clientId: string; accountId: string; sid: string }) =>
      noticeClient(db, { ...o, at: clock.now() }),

    async endSession({ uid, accountId, clients, askedBy }: EndingSession): Promise<SignOut | undefined> {
      const listed = await Promise.all(
        clients
          .filter(({ clientId }) => clientId !== ownClientId)
          .map(async ({ clientId, sid }) => {
            const client = await directory.find(clientId);
            return { clientId, sid, known: !!client, tellable: client?.backchannelLogoutUri !== undefined };
          }),
      );
      // Whoever sent the person here knows; the others without an address are named to the person.
      const toTell = listed.filter(
        ({ known, tellable, clientId }) => known && (tellable || clientId !== askedBy),
      );
      const signOut = randomBytes(16).toString('base64url');
      const by = accountId === undefined ? undefined : { actor: { kind: 'account' as const, id: accountId } };
      await sessions.signOut(uid, accountId, by, {
        signOut,
        clients: toTell.map(({ clientId, sid, tellable }) => ({ clientId, sid, tellable })),
      });
      if (toTell.length === 0 || accountId === undefined) return undefined;
      // The session has ended; nothing that goes wrong from here on takes that back.
      const allTold = await logoutDelivery.settle(signOut, WAIT_MS).catch((error: unknown) => {
        log.warn('clients will be told of a sign-out later', { fault: String(error) });
        return false;
      });
      return { id: signOut, allTold };
    },

    /** Undefined when there is nothing to tell, or nothing any more. */
    async toldApps(signOut: string | undefined): Promise<ToldApps | undefined> {
      if (!signOut) return undefined;
      const states = await logoutQueue.states(signOut);
      if (states.length === 0) return undefined;
      const named = await Promise.all(
        states.map(async ({ clientId, state }) => ({ state, name: (await directory.find(clientId))?.name })),
      );
      const names = (...wanted: readonly string[]) => [
        ...new Set(named.flatMap(({ state, name }) => (name && wanted.includes(state) ? [name] : []))),
      ];
      return { told: names('told'), pending: names('due'), unreachable: names('silent', 'failed') };
    },
  };
}

export type SigningOut = ReturnType<typeof createSigningOut>;
