/**
 * OpenID Connect Back-Channel Logout 1.0, as far as the engine has a part in it: which clients a session was signed in
 * to, the logout token, and where the browser goes when not everybody could be told. The engine itself would tell each
 * client once and forget it; here the notices are rows that were written with the end of the session.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Client } from '../clients/client.ts';

/** A session as it ends. */
export interface EndingSession {
  readonly uid: string;
  readonly accountId: string | undefined;
  /** The clients that it was signed in to, and its name towards each. */
  readonly clients: readonly { readonly clientId: string; readonly sid: string }[];
  /** The client that asked for it, which knows. */
  readonly askedBy: string | undefined;
}

/** What became of telling the clients, as far as was waited for. */
export interface SignOut {
  /** The name under which `signed-out` pages read it; random, and good for an hour. */
  readonly id: string;
  /** False: somebody is still to be told. */
  readonly allTold: boolean;
}

interface EngineSession {
  readonly uid: string;
  readonly accountId?: string;
  readonly authorizations?: Readonly<Record<string, { readonly sid?: string }>>;
  readonly state?: { readonly clientId?: string };
}

export function endingSession(session: EngineSession): EndingSession {
  const clients = Object.entries(session.authorizations ?? {}).flatMap(([clientId, { sid }]) =>
    sid === undefined ? [] : [{ clientId, sid }],
  );
  return { uid: session.uid, accountId: session.accountId, clients, askedBy: session.state?.clientId };
}

const outcomes = new WeakMap<object, SignOut>();

export function keepSignOut(session: object, signOut: SignOut | undefined): void {
  if (signOut) outcomes.set(session, signOut);
}

/** What became of ending this session in this request; undefined when there was nobody to tell. */
export function signOutOf(session: object | undefined): SignOut | undefined {
  return session && outcomes.get(session);
}

/**
 * Runs after the engine. Our page learns of the sign-out; an app's address is only put off to that page when one of the
 * clients could not be told in time: the person then goes on from there.
 */
export function leadToSignedOut(ctx: KoaContextWithOIDC): void {
  const { oidc } = ctx;
  if (oidc?.route !== 'end_session_confirm' || ctx.status !== 303) return;
  const signOut = signOutOf(oidc.session);
  if (!signOut) return;
  const page = new URL(oidc.urlFor('end_session_success'));
  const goesTo = new URL(ctx.response.get('Location'), page);
  const isOurPage = goesTo.origin === page.origin && goesTo.pathname === page.pathname;
  if (!isOurPage && (goesTo.origin === page.origin || signOut.allTold)) return;
  if (isOurPage) page.search = goesTo.search;
  else {
    const state = goesTo.searchParams.get('state');
    const { clientId, postLogoutRedirectUri } = (oidc.session?.state ?? {}) as LogoutState;
    if (!clientId || !postLogoutRedirectUri) return;
    page.searchParams.set('client_id', clientId);
    page.searchParams.set('to', postLogoutRedirectUri);
    if (state !== null) page.searchParams.set('state', state);
  }
  page.searchParams.set('told', signOut.id);
  ctx.redirect(page.href);
  ctx.status = 303;
}

interface LogoutState {
  readonly clientId?: string;
  readonly postLogoutRedirectUri?: string;
}

/** What the signed-out page was asked with. Only a registered address of that client is gone on to. */
export function signedOutQuery(
  ctx: KoaContextWithOIDC,
  client: Client | undefined,
): { told?: string; goOnTo?: string } {
  const { told, to, state } = ctx.query;
  const isOurs = typeof to === 'string' && client?.postLogoutRedirectUris.includes(to) === true;
  const url = isOurs && URL.canParse(to) ? new URL(to) : undefined;
  if (url && typeof state === 'string') url.searchParams.set('state', state);
  return {
    ...(typeof told === 'string' && told.length <= 64 ? { told } : {}),
    ...(url ? { goOnTo: url.href } : {}),
  };
}
