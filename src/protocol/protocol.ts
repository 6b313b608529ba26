/**
 * The protocol room: everything that touches the engine. It owns the engine's instance, what it is told and what it
 * stores; it does not own accounts, clients, consents, keys or pages, which arrive as functions.
 */
import type Koa from 'koa';
import type { SignOut } from './back-channel-logout.ts';
import { createProtocolDoor } from './door.ts';
import type { ConsentResult } from './grant-of-authorization.ts';
import { createInstanceBuilder } from './instance.ts';
import { createKnownTypes } from './known-types.ts';
import { createLiveEngine } from './live-engine.ts';
import { withLivingProof } from './living-proof.ts';
import type { ProtocolParts } from './protocol-parts.ts';
import { endSession, readSession, type SignedInSession } from './sessions-of-browser.ts';
import {
  findVisit,
  finishVisit,
  keepProof,
  type Proved,
  type SignInResult,
  type Visit,
  visitResults,
} from './visits.ts';

export interface Protocol {
  /** `/oauth2/…` and `/.well-known/…`; calls the next door for anything else. */
  readonly middleware: Koa.Middleware;
  visit(ctx: Koa.Context, uid: string): Promise<Visit | undefined>;
  /** Keeps what was proved for this interaction's next step; undefined puts aside what was. Sends nothing. */
  keepProof(ctx: Koa.Context, proved: Proved | undefined): Promise<void>;
  finishSignIn(ctx: Koa.Context, result: SignInResult): Promise<void>;
  finishConsent(ctx: Koa.Context, rejected: ConsentResult): Promise<void>;
  refuse(ctx: Koa.Context, error: string, description: string): Promise<void>;
  /** The single sign-on session of this browser. */
  session(ctx: Koa.Context): Promise<SignedInSession | undefined>;
  /** Ends that session and its families that are not offline, and tells its clients. */
  signOut(ctx: Koa.Context): Promise<SignOut | undefined>;
  /** Sends one logout token to a client. @throws when it was not taken, or the client is gone */
  tell(notice: { clientId: string; accountId: string; sid: string }): Promise<void>;
}

export function createProtocol(parts: ProtocolParts): Protocol {
  const types = createKnownTypes(parts.resources.all, () => live.rebuild());
  const live = createLiveEngine(createInstanceBuilder(parts, types.names));
  parts.keys.onChange(() => live.rebuild());
  const engine = () => live.current().engine;
  const refresh = () => parts.keys.refreshed()?.then(types.refresh) ?? types.refresh();

  return {
    middleware: createProtocolDoor(parts, live, refresh),
    visit: async (ctx, uid) =>
      withLivingProof(
        parts.standings,
        await findVisit(engine(), ctx, uid, parts.clients.find, parts.resources.all),
      ),
    keepProof: (ctx, proved) => keepProof(engine(), ctx, proved),
    finishSignIn: (ctx, result) => finishVisit(engine(), ctx, visitResults.signedIn(result)),
    finishConsent: (ctx, rejected) => finishVisit(engine(), ctx, visitResults.consented(rejected)),
    refuse: (ctx, error, description) => finishVisit(engine(), ctx, visitResults.refused(error, description)),
    session: (ctx) => readSession(engine(), ctx),
    signOut: (ctx) => endSession(engine(), ctx, parts.cookieNames.session),
    async tell({ clientId, accountId, sid }) {
      const { clients, tell } = live.current();
      const client = await clients.find(clientId);
      if (!client?.backchannelLogoutUri) throw new Error('the client can no longer be told');
      await tell(client, accountId, sid);
    },
  };
}

export type { Proved, Visit } from './visits.ts';
