/** The second factors by strength, and the policy over them: what the pages and the protocol both go by. */
import { type SecondFactorPolicy, strictestPolicy } from './config/second-factor.ts';
import type { FrontDoor, PageClient } from './pages/front-door.ts';
import { kindsOf } from './pages/journey.ts';
import { canReach, rankOfPolicy } from './pages/next-need.ts';
import { createPasskeyFactor } from './pages/passkey-factor.ts';
import type { LevelParts } from './protocol/level-checks.ts';
import { levels } from './protocol/levels.ts';
import type { Rooms } from './rooms.ts';
import { createLeasedCache } from './storage/changes.ts';
import { networkOf } from './throttle/networks.ts';
import type { Cookies } from './web/cookies.ts';
import type { Csrf } from './web/csrf.ts';
import { createCodeFactors } from './wiring-code-factors.ts';
import { createMailedCode } from './wiring-mailed-factor.ts';
import { saidBy } from './wiring-sign-in-notes.ts';

export interface SecondFactors {
  readonly factors: FrontDoor['secondFactors'];
  readonly policyOf: FrontDoor['policyOf'];
  readonly isAppsPolicy: FrontDoor['isAppsPolicy'];
  readonly levels: LevelParts;
  /** The levels that count as strong for this account, the one to ask for first. At least one. */
  strongLevels(accountId: string): Promise<readonly string[]>;
}

/** A word each: as many as there are standings in memory (accounts/standing.ts). */
const MAX_ACCOUNTS = 20_000;

export type Strict = { readonly secondFactor?: SecondFactorPolicy | undefined };

export function createSecondFactors(
  rooms: Rooms,
  findClient: (clientId: string) => Promise<(PageClient & Strict) | undefined>,
  web: { cookies: Pick<Cookies, 'read'>; csrf: Pick<Csrf, 'issue'>; base: string },
): SecondFactors {
  const { passkeys } = rooms;
  // Strongest first: the first one that an account has is the one that is asked for.
  const factors: FrontDoor['secondFactors'] = [
    ...(passkeys ? [createPasskeyFactor({ passkeys, networkOf, browserOf: saidBy, ...web })] : []),
    ...createCodeFactors(rooms, web.cookies),
    createMailedCode(rooms),
  ];

  // Asked at every authorization of a session with one factor, so it is kept like the account itself.
  const hasApp = createLeasedCache({
    lease: rooms.lease,
    kind: 'account',
    max: MAX_ACCOUNTS,
    load: rooms.factors.hasAuthenticator,
  });

  /** What the app says, and what is said of this person whichever app they come from. */
  const saidOf = async (accountId: string, clientId: string) => {
    const [standing, client] = await Promise.all([rooms.standings.get(accountId), findClient(clientId)]);
    // Nobody's account: nothing is ever enough for it.
    const here: SecondFactorPolicy = standing
      ? strictestPolicy([rooms.settings.secondFactor, standing.secondFactor])
      : 'passkey';
    return { here, app: client?.secondFactor };
  };
  const policyOf = async (accountId: string, clientId: string): Promise<SecondFactorPolicy> => {
    const { here, app } = await saidOf(accountId, clientId);
    return strictestPolicy([here, app]);
  };

  return {
    factors,
    policyOf,
    async isAppsPolicy(accountId, clientId) {
      const { here, app } = await saidOf(accountId, clientId);
      return strictestPolicy([here, app]) !== here;
    },
    levels: {
      // As a sign-in would ask: whoever has switched it on is asked in a session that is there already, too.
      async demanded(accountId, clientId, reached) {
        const policy = await policyOf(accountId, clientId);
        if (policy !== 'optional' || reached > 1 || !(await hasApp.get(accountId))) {
          return rankOfPolicy(policy, []);
        }
        // Looked at again before anybody is stopped: one that was removed a moment ago would be asked for without end.
        return rankOfPolicy(policy, (await rooms.factors.hasAuthenticator(accountId)) ? ['totp'] : []);
      },
      async canReach(accountId, clientId, amr, asks, rank) {
        const [policy, has] = await Promise.all([policyOf(accountId, clientId), kindsOf(factors, accountId)]);
        return canReach({ amr, policy, has }, asks, rank);
      },
    },
    async strongLevels(accountId) {
      const has = await kindsOf(factors, accountId);
      // The strongest that its holder can still use: with a code of either kind two factors are enough beside a passkey, so
      // that a lost one can be removed. A password alone is never enough.
      const hasCodes = has.includes('totp') || has.includes('recovery');
      return levels.slice(hasCodes ? 1 : has.includes('passkey') ? 2 : 0);
    },
  };
}
