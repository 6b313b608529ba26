/**
 * The engine's `ttl` table, derived from the one lifetime policy (config/lifetimes.ts). Every time to live that the
 * engine would otherwise default is set here; its default of 14 days for grants silently ends refresh tokens.
 */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { accessTokenLifetime, familyLifetimes } from '../clients/client-lifetimes.ts';
import type { ClientType, Lifetimes } from '../config/lifetimes.ts';
import { codeSeconds } from './profile-gate.ts';
import { currentState } from './request-state.ts';

interface Dated {
  readonly iat?: number | undefined;
  readonly iiat?: number | undefined;
}

interface SessionDates {
  readonly loginTs?: number | undefined;
  /** The person did not want to be remembered. */
  readonly transient?: boolean | undefined;
}

interface Issued {
  readonly resourceServer?: { readonly accessTokenTTL?: number | undefined } | undefined;
}

/** @param typeOf the type of a client as the engine holds it; `clientOf` the registered client behind it */
export function tokenLifetimes(
  lifetimes: Lifetimes,
  typeOf: (client: object | undefined) => ClientType,
  clientOf: (client: object | undefined) => Client | undefined,
): NonNullable<Configuration['ttl']> {
  const now = () => Math.floor(Date.now() / 1000);
  const atLeastOne = (seconds: number) => Math.max(1, Math.floor(seconds));

  /** Seconds until the family of this request reaches its absolute limit. */
  const familyLeft = (ctx: KoaContextWithOIDC | undefined, limit: number): number => {
    const exp = (ctx?.oidc?.entities?.Grant as { exp?: number } | undefined)?.exp;
    return exp === undefined ? limit : exp - now();
  };

  const familyOf = (client: object | undefined) =>
    familyLifetimes(clientOf(client) ?? { type: typeOf(client) }, lifetimes);

  const accessSeconds = (token: Issued, client: object | undefined) =>
    accessTokenLifetime(clientOf(client), lifetimes, token.resourceServer?.accessTokenTTL);

  /** Seconds until a session reaches its absolute limit. */
  const sessionLeft = (session: SessionDates | undefined): number => {
    const absolute = session?.transient ? lifetimes.briefAbsolute : lifetimes.sessionAbsolute;
    return absolute - (session?.loginTs ? now() - session.loginTs : 0);
  };

  return {
    AccessToken: (ctx, token) =>
      atLeastOne(
        Math.min(
          accessSeconds(token, ctx?.oidc?.client),
          familyLeft(ctx, Number.POSITIVE_INFINITY),
          currentState()?.minted?.secondsLeft ?? Number.POSITIVE_INFINITY,
        ),
      ),
    ClientCredentials: (ctx, token) => accessSeconds(token, ctx?.oidc?.client),
    AuthorizationCode: (_ctx, _code, client) => codeSeconds(lifetimes.authorizationCode, clientOf(client)),
    IdToken: lifetimes.idToken,
    Interaction: lifetimes.interaction,
    DeviceCode: lifetimes.deviceCode,
    // OpenID Connect Core section 11: offline access outlives the session; everything else ends with it at the latest.
    Grant: (ctx) => {
      const absolute = familyOf(ctx.oidc.client).familyAbsolute;
      if (ctx.oidc.requestParamScopes.has('offline_access')) return atLeastOne(absolute);
      const session = sessionLeft(ctx.oidc.session);
      return atLeastOne(Math.min(absolute || session, session));
    },
    RefreshToken: (ctx, token, client) => {
      const { familyIdle, familyAbsolute } = familyOf(client);
      const { iiat } = token as Dated;
      const absoluteLeft = (iiat ?? now()) + familyAbsolute - now();
      return atLeastOne(Math.min(familyIdle, absoluteLeft, familyLeft(ctx, Number.POSITIVE_INFINITY)));
    },
    // Idle and absolute in one: every use saves the session anew, never past its absolute end.
    Session: (_ctx, session) => {
      // Nobody is signed in: it holds the state of one form, such as a device's code or a logout.
      if (!session.accountId) return Math.min(lifetimes.sessionIdle, lifetimes.interaction);
      const idle = session.transient ? lifetimes.briefIdle : lifetimes.sessionIdle;
      return atLeastOne(Math.min(idle, sessionLeft(session)));
    },
  };
}
