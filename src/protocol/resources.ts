/**
 * Which API a token is for (RFC 8707), decided by what was asked:
 * - `resource` names it: that one, or `invalid_target`;
 * - OpenID Connect scopes alone: a token for userinfo;
 * - an API's scopes without `resource`: the API that owns them. A scope that nobody owns is named in `invalid_scope`.
 */
import type {
  Configuration,
  ResourceServer as EngineResourceServer,
  KoaContextWithOIDC,
} from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { ASSERTION_GRANT, EXCHANGE_GRANT } from '../clients/client-types.ts';
import { mayAskFor, scopesOf } from '../clients/resource-access.ts';
import { OIDC_SCOPES, type ResourceServer } from '../clients/resource-server.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import { type Detail, detailsOf, serversFor } from './details.ts';
import { checkResourceProfile } from './profile-gate.ts';

export interface ResourceParts {
  readonly clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>;
  readonly byAudience: (audience: string) => Promise<ResourceServer | undefined>;
  readonly all: () => Promise<readonly ResourceServer[]>;
  /** Whether clients that registered themselves may ask for this API. */
  readonly opens: (audience: string) => boolean;
  readonly lifetimes: Lifetimes;
}

type ResourceIndicators = NonNullable<NonNullable<Configuration['features']>['resourceIndicators']>;

/** The engine's `resourceIndicators` feature. */
export function resourceIndicators(parts: ResourceParts): ResourceIndicators {
  const { clientOf, byAudience, all, lifetimes, opens } = parts;

  // Nobody vouches for a client that registered itself: it gets the APIs that are open to such, or what an operator
  // has given to it by name.
  const mayHave = (client: Client, server: ResourceServer): boolean =>
    mayAskFor(client, server) &&
    (!client.registered || opens(server.audience) || client.resources.includes(server.audience));

  /** The APIs that this client may have, in the order of their audience. */
  async function allowed(client: Client): Promise<readonly ResourceServer[]> {
    return (await all()).filter((server) => mayHave(client, server));
  }

  async function owners(client: Client, scopes: readonly string[]): Promise<string[]> {
    const servers = await allowed(client);
    const audiences = new Set<string>();
    for (const scope of scopes) {
      const owning = servers.filter((server) => scopesOf(client, server).includes(scope));
      const owner = owning.find(({ audience }) => audience === client.defaultResource) ?? owning[0];
      if (!owner) throw new errors.InvalidScope('no API that this client may use has this scope', scope);
      audiences.add(owner.audience);
    }
    return [...audiences];
  }

  /** The APIs that know these details: those that a detail names, else its client's own or the first. */
  async function placesOf(client: Client, details: readonly Detail[]): Promise<string[]> {
    const servers = await allowed(client);
    return details.flatMap((detail) => {
      const knowing = serversFor(detail, servers).map(({ audience }) => audience);
      if (detail.locations !== undefined) return knowing;
      return knowing
        .filter((one) => one === client.defaultResource)
        .concat(knowing)
        .slice(0, 1);
    });
  }

  return {
    enabled: true,

    async defaultResource(ctx, _client, oneOf) {
      const client = await clientOf(ctx);
      const scopes = apiScopes(ctx.oidc.params?.scope);
      if (oneOf?.length) {
        // A grant for several APIs, asked at the token endpoint without `resource`: the first that has an asked scope.
        const asked = apiScopes(ctx.oidc.params?.scope ?? sourceScope(ctx));
        for (const audience of oneOf) {
          const server = await byAudience(audience);
          if (server?.scopes.some(({ name }) => asked.includes(name))) return audience;
        }
        return oneOf[0] ?? [];
      }
      const details = detailsOf(ctx.oidc.params?.authorization_details);
      if (scopes.length > 0 || details.length > 0) {
        // MCP authorization specification: the API is named, so that a token never goes to another one than was meant.
        if (client.registered) throw new errors.InvalidTarget('say which API this is for with resource');
        return single([
          ...new Set([...(await owners(client, scopes)), ...(await placesOf(client, details))]),
        ]);
      }
      if (!isForOneApi(ctx)) return undefined as unknown as string;
      if (client.defaultResource) return client.defaultResource;
      const servers = await allowed(client);
      if (servers.length === 1 && servers[0]) return servers[0].audience;
      throw new errors.InvalidTarget(
        servers.length === 0
          ? 'this client may not have tokens for any API; register one with `cardea client update`'
          : 'say which API the token is for with the resource parameter',
      );
    },

    async getResourceServerInfo(ctx, audience) {
      const client = await clientOf(ctx);
      const server = await byAudience(audience);
      const isExchange = ctx.oidc.params?.grant_type === EXCHANGE_GRANT;
      // The exchange policy is a right of its own (token-exchange.ts has looked at it).
      if (!server || !(isExchange || mayHave(client, server))) {
        throw new errors.InvalidTarget(
          server
            ? 'this client may not have tokens for this resource'
            : 'no API is registered for this resource',
        );
      }
      checkResourceProfile(client, server);
      const scopes = isExchange ? server.scopes.map(({ name }) => name) : scopesOf(client, server);
      checkServiceScopes(ctx, scopes);
      return engineResource(server, scopes, lifetimes);
    },

    // What was granted for an API stays for that API, unless a refresh asks for OpenID Connect scopes alone: then the
    // token is for userinfo. (Without `resource` and without an API's scope nothing was granted for an API.)
    async useGrantedResource(ctx) {
      const scope = ctx.oidc.params?.scope;
      return scope === undefined || apiScopes(scope).length > 0;
    },
  };
}

/** Grants whose token is always for one API: no person is there who could be asked, and userinfo is not meant. */
function isForOneApi(ctx: KoaContextWithOIDC): boolean {
  const grantType = ctx.oidc.params?.grant_type;
  return grantType === 'client_credentials' || grantType === ASSERTION_GRANT;
}

/** A service asks for one API's scopes and no others; the engine would drop the others in silence. */
function checkServiceScopes(ctx: KoaContextWithOIDC, offered: readonly string[]): void {
  if (!isForOneApi(ctx)) return;
  const scope = ctx.oidc.params?.scope;
  const asked = String(scope ?? '')
    .split(' ')
    .filter(Boolean);
  const unknown = asked.find((name) => !offered.includes(name));
  if (unknown)
    throw new errors.InvalidScope('the API of this request has no such scope for this client', unknown);
}

function engineResource(
  server: ResourceServer,
  scopes: readonly string[],
  lifetimes: Lifetimes,
): EngineResourceServer {
  const common = {
    audience: server.audience,
    scope: scopes.join(' '),
    accessTokenTTL: server.accessTokenTtlSeconds ?? lifetimes.accessToken,
  };
  return server.tokenFormat === 'jwt'
    ? { ...common, accessTokenFormat: 'jwt', jwt: { sign: { alg: server.signingAlg } } }
    : { ...common, accessTokenFormat: 'opaque' };
}

/** The scopes of a space-separated list that are not OpenID Connect's. */
export function apiScopes(scope: unknown): string[] {
  return String(scope ?? '')
    .split(' ')
    .filter((name) => name && !OIDC_SCOPES.has(name));
}

function sourceScope(ctx: KoaContextWithOIDC): string | undefined {
  const { AuthorizationCode: code, RefreshToken: token } = ctx.oidc.entities as Record<
    string,
    { scope?: string }
  >;
  return code?.scope ?? token?.scope;
}

function single(audiences: string[]): string | string[] {
  const [only, ...others] = audiences;
  return only !== undefined && others.length === 0 ? only : audiences;
}
