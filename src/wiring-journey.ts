/** The second factors by strength, and the policy over them: what the pages and the protocol both go by. */
import { type SecondFactorPolicy, strictestPolicy } from './config/second-factor.ts';
import type { FrontDoor, PageClient } from './pages/front-door.ts';
import { kindsOf } from './pages/journey.ts';
import { canReach, demandedRank } from './pages/next-need.ts';
import { createPasskeyFactor } from './pages/passkey-factor.ts';
import type { LevelParts } from './protocol/level-checks.ts';
import { levels } from './protocol/levels.ts';
import type { Rooms } from './rooms.ts';
import { networkOf } from './throttle/networks.ts';
import type { Cookies } from './web/cookies.ts';
import type { Csrf } from './web/csrf.ts';
import { createCodeFactors } from './wiring-code-factors.ts';
import { createMailedCode } from './wiring-mailed-factor.ts';

export interface SecondFactors {
  readonly factors: FrontDoor['secondFactors'];
  readonly policyOf: FrontDoor['policyOf'];
  readonly levels: LevelParts;
  /** The levels that count as strong for this account, the one to ask for first. At least one. */
  strongLevels(accountId: string): Promise<readonly string[]>;
}

export type Strict = { readonly secondFactor?: SecondFactorPolicy | undefined };

export function createSecondFactors(
  rooms: Rooms,
  findClient: (clientId: string) => Promise<(PageClient & Strict) | undefined>,
  web: { cookies: Pick<Cookies, 'read'>; csrf: Pick<Csrf, 'issue'>; base: string },
): SecondFactors {
  const { passkeys } = rooms;
  // Strongest first: the first one that an account has is the one that is asked for.
  const factors: FrontDoor['secondFactors'] = [
    ...(passkeys ? [createPasskeyFactor({ passkeys, networkOf, ...web })] : []),
    ...createCodeFactors(rooms, web.cookies),
    createMailedCode(rooms),
  ];

  const policyOf = async (accountId: string, clientId: string): Promise<SecondFactorPolicy> => {
    const [standing, client] = await Promise.all([rooms.standings.get(accountId), findClient(clientId)]);
    // Nobody's account: nothing is ever enough for it.
    if (!standing) return 'passkey';
    return strictestPolicy([rooms.settings.secondFactor, client?.secondFactor, standing.secondFactor]);
  };

  return {
    factors,
    policyOf,
    levels: {
      demanded: async (accountId, clientId) => demandedRank(await policyOf(accountId, clientId)),
      async canReach(accountId, clientId, amr, asks, rank) {
        const [policy, has] = await Promise.all([policyOf(accountId, clientId), kindsOf(factors, accountId)]);
        return canReach({ amr, policy, has }, asks, rank);
      },
    },
    async strongLevels(accountId) {
      const has = await kindsOf(factors, accountId);
      // With a code generator two factors are enough beside a passkey: a lost one can then be removed.
      return levels.slice(has.includes('totp') ? 1 : has.includes('passkey') ? 2 : 0);
    },
  };
}
