/** Which scopes an authorization request may name (RFC 6749 section 3.3). */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { askedScope } from './pushed-requests.ts';
import { apiScopes } from './resources.ts';

/** A scope that no API of the request has would be dropped in silence by the engine (RFC 6749 section 3.3 allows it). */
export function checkScopes(ctx: KoaContextWithOIDC, client: Client): void {
  const raw = askedScope(ctx);
  const servers = Object.values(ctx.oidc.resourceServers ?? {});
  const unknown = apiScopes(raw).find((scope) => !servers.some((server) => server.scopes.has(scope)));
  if (unknown) throw new errors.InvalidScope('no API of this request has this scope', unknown);
  // A list without any OpenID Connect scope allows none; the engine would take it for no list at all.
  const barred =
    client.scopes.length > 0 && [...ctx.oidc.requestParamOIDCScopes].find((s) => !client.scopes.includes(s));
  if (barred) throw new errors.InvalidScope('requested scope is not allowed', barred);
}
