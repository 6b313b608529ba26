/**
 * Rate limits of the protocol's addresses (RFC 6585 section 4). Permits are leased in batches, so that a warm client
 * costs no command a request.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import type { Limits } from '../config/limits.ts';
import type { RequestLimits } from '../throttle/request-limits.ts';

export interface EndpointLimits {
  /** Seconds to wait; undefined when the request may go on. */
  check(path: string, network: string): Promise<number | undefined>;
  /** Counts a failed client authentication against its network. */
  noteFailedClient(network: string): void;
  /** @throws when this client has used up its share */
  checkClient(ctx: KoaContextWithOIDC, clientId: string): Promise<void>;
  /** @throws when this client, or for a public one its network, has pushed too many authorization requests */
  checkPush(
    ctx: KoaContextWithOIDC,
    client: Pick<Client, 'clientId' | 'authMethod'>,
    network: string,
  ): Promise<void>;
}

const limitOf: Readonly<Record<string, keyof Limits>> = {
  '/oauth2/token': 'tokenPerNetwork',
  // Servers push for all their people from one address.
  '/oauth2/par': 'tokenPerNetwork',
  '/oauth2/introspect': 'introspectPerNetwork',
  '/oauth2/revoke': 'introspectPerNetwork',
  '/oauth2/register': 'registrationsPerNetwork',
  '/oauth2/authorize': 'authorizePerNetwork',
  '/oauth2/userinfo': 'introspectPerNetwork',
  '/oauth2/logout': 'authorizePerNetwork',
  '/device': 'pagesPerNetwork',
};

/** Addresses where clients authenticate: a network that keeps failing there is refused before its secret is looked at. */
const authenticating: ReadonlySet<string> = new Set([
  '/oauth2/token',
  '/oauth2/par',
  '/oauth2/introspect',
  '/oauth2/revoke',
  '/oauth2/device_authorization',
]);

export function createEndpointLimits(limits: RequestLimits): EndpointLimits {
  return {
    async check(path, network) {
      const name = limitOf[path] ?? (/^\/(?:oauth2|device)\//.test(path) ? 'authorizePerNetwork' : undefined);
      if (!name || path === '/oauth2/jwks') return undefined;
      if (authenticating.has(path)) {
        const failing = limits.peek('failedClientAuthPerNetwork', network);
        if (failing.kind === 'wait') return failing.retryAfterSeconds;
      }
      const outcome = await limits.take(name, network);
      return outcome.kind === 'wait' ? outcome.retryAfterSeconds : undefined;
    },

    noteFailedClient(network) {
      // The answer to this request is decided already; the count stands for the next one, and a store that does not
      // answer is met there.
      void Promise.resolve(limits.take('failedClientAuthPerNetwork', network)).catch(() => undefined);
    },

    async checkClient(ctx, clientId) {
      const outcome = await limits.take('tokenPerClient', clientId);
      if (outcome.kind === 'wait') {
        tooMany(ctx, outcome.retryAfterSeconds, 'this client has asked for too many tokens');
      }
    },

    async checkPush(ctx, client, network) {
      // Anyone can push in the name of a public client, and each push is stored: as many as pages may be opened.
      const outcome =
        client.authMethod === 'none'
          ? await limits.take('authorizePerNetwork', network)
          : await limits.take('tokenPerClient', client.clientId);
      if (outcome.kind === 'wait') {
        tooMany(ctx, outcome.retryAfterSeconds, 'too many requests were pushed');
      }
    },
  };
}

function tooMany(ctx: KoaContextWithOIDC, retryAfterSeconds: number, what: string): never {
  ctx.set('Retry-After', String(retryAfterSeconds));
  const refusal = new errors.CustomOIDCProviderError(
    'temporarily_unavailable',
    `${what}; wait before the next`,
  );
  throw Object.assign(refusal, { status: 429, statusCode: 429 });
}
