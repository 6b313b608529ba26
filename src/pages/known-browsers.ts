/**
 * Makes this browser a known one of the account that has just signed in (throttle/device-cookie.ts), by whatever way and
 * after the last step: a browser that only got past the password stays unknown.
 */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';
import type { Device, FrontDoor, Protocol } from './front-door.ts';

const DEVICE_COOKIE = 'device';
/** Half a year: how long a browser counts as known after its last sign-in. */
const DEVICE_SECONDS = 180 * 86_400;

export function knownDevice(
  ctx: Koa.Context,
  cookies: Cookies,
  devices: FrontDoor['deviceCookies'],
): Device | undefined {
  const cookie = cookies.read(ctx, DEVICE_COOKIE);
  return cookie === undefined ? undefined : devices.verify(cookie);
}

/** The last act of a sign-in, with that before it. */
export function knowingBrowsers({
  front,
  cookies,
}: {
  front: Pick<FrontDoor, 'protocol' | 'deviceCookies' | 'networkOf' | 'noteBrowser'>;
  cookies: Cookies;
}): Protocol['finishSignIn'] {
  return async (ctx, visit, signIn) => {
    const { accountId } = signIn;
    const noted = await front.noteBrowser?.({
      accountId,
      device: knownDevice(ctx, cookies, front.deviceCookies),
      app: visit.client.name,
      network: front.networkOf(ctx.ip),
      userAgent: ctx.get('User-Agent'),
      at: signIn.at,
    });
    if (noted) {
      const value = front.deviceCookies.issue(accountId, noted.passwordVersion);
      cookies.set(ctx, DEVICE_COOKIE, value, { maxAgeSeconds: DEVICE_SECONDS });
    }
    return front.protocol.finishSignIn(ctx, visit, signIn);
  };
}
