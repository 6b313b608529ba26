/** What is asked of every authorization request, pushed or not, after the engine's own checks of signature, scope and resource. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import { keepOfflineAccess } from './engine-overrides.ts';
import { checkProof } from './profile-gate.ts';
import { useRequestObject } from './request-objects.ts';
import { checkScopes } from './requested-scopes.ts';
import { checkDetails } from './rich-requests.ts';

export interface AuthorizationRuleParts {
  readonly clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>;
  readonly resourceServers: () => Promise<readonly ResourceServer[]>;
  /** @throws when this client, or its network, has pushed too many requests */
  readonly checkPush: (ctx: KoaContextWithOIDC, client: Client) => Promise<void>;
  /** True for one caller only until `expiresAt` (ms). */
  readonly claim: (scope: string, value: string, expiresAt: number) => Promise<boolean>;
}

/** The rules in their order; what uses something up comes last. */
export function createAuthorizationRules({
  clientOf,
  resourceServers,
  checkPush,
  claim,
}: AuthorizationRuleParts) {
  return async (ctx: KoaContextWithOIDC): Promise<void> => {
    const client = await clientOf(ctx);
    checkScopes(ctx, client);
    await checkDetails(ctx, resourceServers);
    checkProof(ctx, client);
    await keepOfflineAccess(ctx);
    if (ctx.oidc.route === 'pushed_authorization_request') await checkPush(ctx, client);
    await useRequestObject(ctx, claim);
  };
}
