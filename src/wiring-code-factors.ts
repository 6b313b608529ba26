/** Gives the pages the codes of the factors room as second factors. */
import type Koa from 'koa';
import { methodsOf } from './pages/factor.ts';
import type { SecondFactor } from './pages/front-door.ts';
import type { Rooms } from './rooms.ts';
import { networkOf } from './throttle/networks.ts';
import type { Cookies } from './web/cookies.ts';
import { requestIdOf } from './web/request-id.ts';

/** Authenticator app first: a recovery code is for when that is lost. */
export function createCodeFactors(
  { factors, standings, deviceCookies }: Pick<Rooms, 'factors' | 'standings' | 'deviceCookies'>,
  cookies: Pick<Cookies, 'read'>,
): readonly SecondFactor[] {
  /** A browser that has signed in to this account under its present password is counted apart. */
  const deviceOf = async (ctx: Koa.Context, accountId: string): Promise<string | undefined> => {
    const cookie = cookies.read(ctx, 'device');
    const device = cookie === undefined ? undefined : deviceCookies.verify(cookie);
    if (device?.accountId !== accountId) return undefined;
    const account = (await standings.get(accountId))?.account;
    return account?.passwordVersion === device.passwordVersion ? device.deviceId : undefined;
  };

  const factor = (kind: 'totp' | 'recovery', has: SecondFactor['has']): SecondFactor => ({
    kind,
    has,
    async verify(ctx, _visit, accountId, { code = '' }) {
      const outcome = await factors.verify({
        accountId,
        factor: kind,
        code,
        network: networkOf(ctx.ip),
        deviceId: await deviceOf(ctx, accountId),
        requestId: requestIdOf(ctx),
      });
      if (outcome.kind === 'ok') return { kind: 'ok', amr: methodsOf[kind], at: outcome.at };
      // A code that was taken before is answered like a wrong one: the page says to wait for the next either way.
      return outcome.kind === 'used' ? { kind: 'wrong' } : outcome;
    },
  });

  return [factor('totp', factors.hasAuthenticator), factor('recovery', factors.hasRecoveryCode)];
}
