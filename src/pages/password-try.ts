/** A password that was typed on a page, tried for this browser. */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';
import type { FrontDoor, SignInOutcome } from './front-door.ts';
import { knownDevice } from './known-browsers.ts';

export interface TryOptions {
  /** An account that is being deleted stays. */
  readonly keep?: boolean;
  /** Whether anything is done for this browser when the account does not know it. */
  readonly admits?: () => Promise<boolean>;
}

export interface PasswordTry {
  attempt(ctx: Koa.Context, email: string, password: string, o?: TryOptions): Promise<SignInOutcome>;
}

export function createPasswordTry(o: {
  front: Pick<FrontDoor, 'authenticate' | 'deviceCookies' | 'networkOf' | 'browserOf'>;
  cookies: Cookies;
}): PasswordTry {
  const { front, cookies } = o;
  return {
    attempt(ctx, email, password, { keep = false, admits } = {}) {
      const device = knownDevice(ctx, cookies, front.deviceCookies);
      const network = front.networkOf(ctx.ip);
      return front.authenticate({
        email,
        password,
        network,
        browser: () => front.browserOf(ctx.get('User-Agent')),
        ...(keep && { keep }),
        ...(admits && { admits }),
        ...(device && { device }),
      });
    },
  };
}
