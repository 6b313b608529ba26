/**
 * Levels of sign-in (`acr`), and what tokens say of them (docs/step-up.md). A level is claimed for what was proved in the
 * sign-in itself, never for what the client asked for.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors, interactionPolicy } from 'oidc-provider';

/** One factor: something the person knows, has or is. */
export const ONE_FACTOR = 'urn:cardea:acr:1';

/** The levels that a sign-in here can reach, lowest first: what discovery announces. */
export const reachableLevels: readonly string[] = [ONE_FACTOR];

/** RFC 8176: the methods that are a factor by themselves. */
const factors: ReadonlySet<string> = new Set(['pwd']);

/** The level that these methods reach together; undefined when none of them is a factor. */
export function levelOf(amr: readonly string[]): string | undefined {
  return amr.some((method) => factors.has(method)) ? ONE_FACTOR : undefined;
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
function essentialLevels(ctx: KoaContextWithOIDC): readonly unknown[] {
  const { claims } = ctx.oidc.params ?? {};
  if (typeof claims !== 'string') return [];
  const { id_token: idToken } = JSON.parse(claims) as { id_token?: { acr?: AskedAcr | null } };
  const acr = idToken?.acr;
  return acr?.essential === true ? [acr.values ?? acr.value ?? []].flat() : [];
}

/**
 * OpenID Connect Unmet Authentication Requirements section 2. The engine would ask for another sign-in without end when no
 * sign-in here reaches the level.
 */
export function essentialLevelCheck(): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'essential_acr',
    'the level that is asked for needs another sign-in',
    'login_required',
    (ctx) => {
      const wanted = essentialLevels(ctx);
      if (wanted.length === 0 || wanted.includes(ctx.oidc.acr)) return false;
      const reachable = wanted.some((level) => reachableLevels.some((one) => one === level));
      if (reachable && !ctx.oidc.result?.login) return true;
      throw new errors.UnmetAuthenticationRequirements('no sign-in here reaches the acr that is asked for');
    },
  );
}

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
