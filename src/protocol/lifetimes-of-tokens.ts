/**
 * The engine's `ttl` table, derived from the one lifetime policy (config/lifetimes.ts). Every time to live that the
 * engine would otherwise default is set here; its default of 14 days for grants silently ends refresh tokens.
 */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import type { ClientType, Lifetimes } from '../config/lifetimes.ts';
import { codeSeconds } from './profile-gate.ts';

interface Dated {
  readonly iat?: number | undefined;
  readonly iiat?: number | undefined;
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

  return {
    AccessToken: (ctx, token) =>
      atLeastOne(
        Math.min(token.resourceServer?.accessTokenTTL ?? lifetimes.accessToken, familyLeft(ctx, Infinity)),
      ),
    ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.accessToken,
    AuthorizationCode: (_ctx, _code, client) => codeSeconds(lifetimes.authorizationCode, clientOf(client)),
    IdToken: lifetimes.idToken,
    Interaction: lifetimes.interaction,
    DeviceCode: lifetimes.deviceCode,
    // OpenID Connect Core section 11: offline access outlives the session; everything else ends with it at the latest.
    Grant: (ctx) => {
      const absolute = lifetimes.familyAbsolute[typeOf(ctx.oidc.client)];
      const offline = ctx.oidc.requestParamScopes.has('offline_access');
      return atLeastOne(
        offline ? absolute : Math.min(absolute || lifetimes.sessionAbsolute, lifetimes.sessionAbsolute),
      );
    },
    RefreshToken: (ctx, token, client) => {
      const type = typeOf(client);
      const { iiat } = token as Dated;
      const absoluteLeft = (iiat ?? now()) + lifetimes.familyAbsolute[type] - now();
      return atLeastOne(Math.min(lifetimes.familyIdle[type], absoluteLeft, familyLeft(ctx, Infinity)));
    },
    // Idle and absolute in one: every use saves the session anew, never past its absolute end.
    Session: (_ctx, session) => {
      // Nobody is signed in: it holds the state of one form, such as a device's code or a logout.
      if (!session.accountId) return Math.min(lifetimes.sessionIdle, lifetimes.interaction);
      const age = session.loginTs ? now() - session.loginTs : 0;
      return atLeastOne(Math.min(lifetimes.sessionIdle, lifetimes.sessionAbsolute - age));
    },
  };
}
