/** What of a refused request is kept so that it can be explained (audit/sent.ts). */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { sentParameters } from '../audit/sent.ts';

/** @param params as far as the engine had read them */
export function sentByRefused(
  ctx: KoaContextWithOIDC,
  params: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const origin = ctx.get('Origin');
  return sentParameters({ ...params, ...(origin ? { origin } : {}) }, registeredUris(ctx));
}

/** What the client of this request registered is no secret to whoever asks about its refusals. */
function registeredUris(ctx: KoaContextWithOIDC): readonly string[] {
  const { redirectUris = [], postLogoutRedirectUris = [] } = (ctx.oidc.client ?? {}) as {
    redirectUris?: readonly string[];
    postLogoutRedirectUris?: readonly string[];
  };
  return [...redirectUris, ...postLogoutRedirectUris];
}
