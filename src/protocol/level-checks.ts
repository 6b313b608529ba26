/** Which levels a request asks for, when that needs another step of the person, and what tokens say of the level. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors, interactionPolicy } from 'oidc-provider';
import { levels, type Rank, rankOf, rankOfLevel } from './levels.ts';
import { stateOf } from './request-state.ts';

/** What an authorization request asks of the sign-in. */
export interface WantedRanks {
  /** Less than this must not do. 0: any. */
  readonly must: Rank;
  /** What is asked for where the account can reach it. */
  readonly wish: Rank;
}

/** What the wiring knows of accounts and factors. */
export interface LevelParts {
  /**
   * What the policy demands of any sign-in of this account at this client.
   * @param reached what need not be looked up for a session that has got so far is not
   * @returns the rank
   */
  readonly demanded: (accountId: string, clientId: string, reached: Rank) => Promise<Rank>;
  /** Whether this account can get from these methods to that rank with the factors that it has. */
  readonly canReach: (
    accountId: string,
    clientId: string,
    amr: readonly string[],
    asks: 'demand' | 'wish',
    rank: Rank,
  ) => Promise<boolean>;
}

/** OpenID Connect Core section 5.5.1.1. */
interface AskedAcr {
  readonly essential?: boolean;
  readonly value?: unknown;
  readonly values?: unknown;
}

/**
 * The levels of which one must be reached. Read from the request itself, since the engine puts `acr_values`, which are a
 * wish (Core section 3.1.2.1), over an essential `acr` of the claims parameter.
 */
function essentialLevels(params: Readonly<Record<string, unknown>>): readonly unknown[] {
  const { claims } = params;
  if (typeof claims !== 'string') return [];
  const { id_token: idToken } = JSON.parse(claims) as { id_token?: { acr?: AskedAcr | null } };
  const acr = idToken?.acr;
  return acr?.essential === true ? [acr.values ?? acr.value ?? []].flat() : [];
}

/** @param params of the authorization request, as stored */
export function wantedRanks(params: Readonly<Record<string, unknown>>): WantedRanks {
  const ranksOf = (names: readonly unknown[]) => names.map(rankOfLevel).filter((rank) => rank > 0);
  const essential = ranksOf(essentialLevels(params));
  const { acr_values: asked } = params;
  const wished = ranksOf(typeof asked === 'string' ? asked.split(' ') : []);
  return {
    must: essential.length === 0 ? 0 : (Math.min(...essential) as Rank),
    // In order of preference, both of them.
    wish: Math.max(essential[0] ?? 0, wished[0] ?? 0) as Rank,
  };
}

/**
 * What tokens say of a sign-in that has reached `acr`. OpenID Connect Core section 5.5.1.1: an essential acr is answered
 * by one of its values. A higher level includes the lower ones, so the highest of them that was reached is no less true.
 */
export function toldLevel(
  acr: string | undefined,
  params: Readonly<Record<string, unknown>> = {},
): string | undefined {
  const reached = rankOfLevel(acr);
  const fitting = essentialLevels(params)
    .map(rankOfLevel)
    .filter((rank) => rank > 0 && rank <= reached);
  return fitting.length === 0 ? acr : levels[Math.max(...fitting) - 1];
}

/** For the engine's context, which knows the session's alone (engine-overrides.ts). */
export const toldAcr: PropertyDescriptor = {
  configurable: true,
  get(this: KoaContextWithOIDC['oidc']) {
    return toldLevel(this.session?.acr, this.params);
  },
};

type Details = Record<string, unknown>;

/** What the session has proved, so that only what is missing is asked for. Kept in the interaction, server-held. */
function ofSession(ctx: KoaContextWithOIDC): Details {
  const { session } = ctx.oidc;
  if (!session?.accountId) return {};
  const at = stateOf(ctx).session?.signedInAt ?? (session.loginTs ?? 0) * 1000;
  const { accountId, amr = [], uid } = session;
  return { signedIn: { accountId, amr, at, session: uid } };
}

/** The checks that step up a session of a level too low. Each names its reason (visits.ts reads them). */
export function levelCheckList(
  parts: LevelParts,
  clientIdOf: (ctx: KoaContextWithOIDC) => Promise<string>,
): readonly interactionPolicy.Check[] {
  const proved = (ctx: KoaContextWithOIDC): Rank => rankOf(ctx.oidc.amr ?? []);
  const who = (ctx: KoaContextWithOIDC): string | undefined => ctx.oidc.session?.accountId;
  const reaches = async (
    ctx: KoaContextWithOIDC,
    accountId: string,
    asks: 'demand' | 'wish',
    rank: Rank,
  ): Promise<boolean> => parts.canReach(accountId, await clientIdOf(ctx), ctx.oidc.amr ?? [], asks, rank);

  return [
    // Asked again however often a sign-in comes back without it: nothing goes on below the policy.
    new interactionPolicy.Check(
      STEP_UP.policy,
      'this sign-in needs a second factor',
      'login_required',
      async (ctx) => {
        const accountId = who(ctx);
        if (accountId === undefined) return false;
        const reached = proved(ctx);
        return reached < (await parts.demanded(accountId, await clientIdOf(ctx), reached));
      },
      ofSession,
    ),
    // OpenID Connect Unmet Authentication Requirements section 2.
    new interactionPolicy.Check(
      STEP_UP.essential,
      'the level that is asked for needs another sign-in',
      'login_required',
      async (ctx) => {
        const params = ctx.oidc.params ?? {};
        if (essentialLevels(params).length === 0) return false;
        const { must } = wantedRanks(params);
        const accountId = who(ctx);
        const reached = proved(ctx);
        if (must > 0 && reached >= must) return false;
        const reachable =
          must > 0 && (accountId === undefined || (await reaches(ctx, accountId, 'demand', must)));
        if (reachable && !ctx.oidc.result?.login) return true;
        throw new errors.UnmetAuthenticationRequirements('no sign-in here reaches the acr that is asked for');
      },
      ofSession,
    ),
    // A wish is asked for once, where it can be reached, and never fails a request.
    new interactionPolicy.Check(
      STEP_UP.wish,
      'the level that is wished for needs another factor',
      'login_required',
      async (ctx) => {
        const accountId = who(ctx);
        if (accountId === undefined || ctx.oidc.result?.login || ctx.oidc.promptPending('none')) return false;
        const { wish } = wantedRanks(ctx.oidc.params ?? {});
        return wish > proved(ctx) && (await reaches(ctx, accountId, 'wish', wish));
      },
      ofSession,
    ),
  ];
}

/** Reasons for which a session is stepped up; for any other one the person signs in anew. */
export const STEP_UP = {
  policy: 'second_factor',
  essential: 'essential_acr',
  wish: 'acr_values',
} as const;

/** `acr` and `auth_time` of an access token (RFC 9068 section 2.2.1, RFC 9470 section 6): of the sign-in that it comes from. */
export function levelClaims(
  ctx: KoaContextWithOIDC,
  token: { readonly kind: string },
): Readonly<Record<string, unknown>> {
  if (token.kind !== 'AccessToken') return {};
  const {
    AuthorizationCode: code,
    RefreshToken: refresh,
    DeviceCode: device,
  } = ctx.oidc.entities as Partial<Record<string, { readonly acr?: string; readonly authTime?: number }>>;
  const source = code ?? refresh ?? device;
  return {
    ...(source?.acr ? { acr: source.acr } : {}),
    ...(source?.authTime ? { auth_time: source.authTime } : {}),
  };
}
