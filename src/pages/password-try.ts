/** A password that was typed on a page: tried for this browser, which counts as known after it was right. */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';
import type { FrontDoor, SignInOutcome } from './front-door.ts';

export interface PasswordTry {
  /** `keep`: an account that is being deleted stays. */
  attempt(ctx: Koa.Context, email: string, password: string, keep?: boolean): Promise<SignInOutcome>;
  /** Makes this browser a known one of that account. */
  know(ctx: Koa.Context, account: { readonly id: string; readonly passwordVersion: number }): void;
}

const DEVICE_COOKIE = 'device';
/** Half a year: how long a browser counts as known after its last sign-in. */
const DEVICE_SECONDS = 180 * 86_400;

export function createPasswordTry(o: {
  front: Pick<FrontDoor, 'authenticate' | 'deviceCookies' | 'networkOf'>;
  cookies: Cookies;
}): PasswordTry {
  const { front, cookies } = o;
  return {
    attempt(ctx, email, password, keep = false) {
      const cookie = cookies.read(ctx, DEVICE_COOKIE);
      const device = cookie === undefined ? undefined : front.deviceCookies.verify(cookie);
      const network = front.networkOf(ctx.ip);
      return front.authenticate({
        email,
        password,
        network,
        ...(keep && { keep }),
        ...(device && { device }),
      });
    },
    know(ctx, { id, passwordVersion }) {
      const value = front.deviceCookies.issue(id, passwordVersion);
      cookies.set(ctx, DEVICE_COOKIE, value, { maxAgeSeconds: DEVICE_SECONDS });
    },
  };
}
