/** A password that was typed on a page, tried for this browser. */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';
import type { FrontDoor, SignInOutcome } from './front-door.ts';
import { knownDevice } from './known-browsers.ts';

export interface PasswordTry {
  /** `keep`: an account that is being deleted stays. */
  attempt(ctx: Koa.Context, email: string, password: string, keep?: boolean): Promise<SignInOutcome>;
}

export function createPasswordTry(o: {
  front: Pick<FrontDoor, 'authenticate' | 'deviceCookies' | 'networkOf'>;
  cookies: Cookies;
}): PasswordTry {
  const { front, cookies } = o;
  return {
    attempt(ctx, email, password, keep = false) {
      const device = knownDevice(ctx, cookies, front.deviceCookies);
      const network = front.networkOf(ctx.ip);
      return front.authenticate({
        email,
        password,
        network,
        ...(keep && { keep }),
        ...(device && { device }),
      });
    },
  };
}
