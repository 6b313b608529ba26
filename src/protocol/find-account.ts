/** The engine's `findAccount`: who a token speaks of, and what it may say of them. */
import type { Account as EngineAccount, FindAccount, KoaContextWithOIDC } from 'oidc-provider';
import type { Standing, Standings } from '../accounts/standing.ts';
import type { Client } from '../clients/client.ts';
import type { Clock } from '../config/clock.ts';
import { checkReplay } from './refresh.ts';
import { stateOf } from './request-state.ts';

export interface FindAccountParts {
  readonly standings: Standings;
  readonly clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>;
  readonly clock: Clock;
}

/** Undefined for an unknown, deleted or disabled account; the engine then refuses the request. */
export function createFindAccount({ standings, clientOf, clock }: FindAccountParts): FindAccount {
  return async (ctx, accountId, token): Promise<EngineAccount | undefined> => {
    const standing = await standings.get(accountId);
    if (!standing) return undefined;
    const refreshed = token as { kind?: string; consumed?: unknown } | undefined;
    if (refreshed?.kind === 'RefreshToken' && refreshed.consumed && ctx.oidc.route === 'token') {
      checkReplay(ctx, stateOf(ctx).answer, clock);
    }
    return {
      accountId,
      claims: async () => ({ sub: accountId, ...claimsOf(standing, await clientOf(ctx)) }),
    };
  };
}

/** All claims of the account; the engine keeps those that scope and `claims` ask for and consent covers. */
function claimsOf(standing: Standing, client: Client): Record<string, unknown> {
  const { account } = standing;
  const audiences = new Set([
    ...client.resources,
    ...(client.defaultResource ? [client.defaultResource] : []),
  ]);
  const roles = new Set([...audiences].flatMap((audience) => standing.access(audience).roles));
  return {
    ...account.profile,
    email: account.email,
    email_verified: account.emailVerified,
    updated_at: Math.floor(account.updatedAt / 1000),
    // Only roles of the APIs that this client has to do with: an app learns nothing of a person's other roles.
    roles: [...roles].sort(),
  };
}
