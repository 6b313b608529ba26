/** The single sign-on session of a browser, read and ended outside of a protocol request. */
import type Koa from 'koa';
import type Provider from 'oidc-provider';
import { type SignOut, signOutOf } from './back-channel-logout.ts';

export interface SignedInSession {
  readonly uid: string;
  readonly accountId: string;
  /** Seconds since the epoch: when the person last proved who they are. */
  readonly authTime: number;
  readonly amr: readonly string[];
  /** The level of that sign-in (levels.ts). */
  readonly acr: string | undefined;
}

/** Undefined when nobody is signed in, or when the session was ended. */
export async function readSession(engine: Provider, ctx: Koa.Context): Promise<SignedInSession | undefined> {
  const session = await engine.Session.get(engine.createContext(ctx.req, ctx.res) as never);
  const { uid, accountId, loginTs, amr, acr } = session;
  if (!accountId) return undefined;
  return { uid, accountId, authTime: loginTs ?? 0, amr: amr ?? [], acr };
}

/** Ends the session with its families that are not offline, and takes the cookie back. */
export async function endSession(
  engine: Provider,
  ctx: Koa.Context,
  cookieName: string,
): Promise<SignOut | undefined> {
  const session = await engine.Session.get(engine.createContext(ctx.req, ctx.res) as never);
  if (session.accountId) await session.destroy();
  ctx.cookies.set(cookieName, null, {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    signed: true,
    overwrite: true,
  });
  return signOutOf(session);
}
