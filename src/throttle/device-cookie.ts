/**
 * The cookie by which a browser that has signed in before is known again (OWASP, "slow down online guessing attacks
 * with device cookies"). It opens nothing: it only gives that browser a counter and a share of the hashing of its own
 * for that one account, so that strangers cannot lock the person out. A new password makes older cookies void, because
 * the password version stands in them.
 *
 * Form: `1.<account id>.<password version>.<seconds since the epoch>.<device id>.<HMAC-SHA256>`.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../config/clock.ts';

export interface Device {
  readonly accountId: string;
  readonly passwordVersion: number;
  /** Random, 22 characters; what the throttle counts by. */
  readonly deviceId: string;
}

export interface DeviceCookies {
  /** The cookie's value after a sign-in; a new device id each time, so that a copied cookie shares no counter for long. */
  issue(accountId: string, passwordVersion: number): string;
  /** Undefined when it is not ours, altered, of a key that is gone, or older than `DEVICE_COOKIE_SECONDS`. */
  verify(value: string): Device | undefined;
}

/** 180 days: as long as people stay away and still expect their browser to be known. Also the cookie's Max-Age. */
export const DEVICE_COOKIE_SECONDS = 180 * 24 * 3600;

const VERSION = '1';
/** Keeps the MAC apart from any other use of the same key, and versions from each other. */
const PURPOSE = 'cardea device cookie 1\n';
const FORM = /^1\.([A-Za-z0-9_-]{1,64})\.(\d{1,9})\.(\d{1,12})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/** @param keys newest first: the first signs, all verify, so that a rotation forgets no browser */
export function createDeviceCookies({
  keys,
  clock,
}: {
  keys: readonly string[];
  clock: Clock;
}): DeviceCookies {
  const [newest] = keys;
  if (newest === undefined) throw new RangeError('device cookies need a key');

  return {
    issue(accountId, passwordVersion) {
      const seconds = Math.floor(clock.now() / 1000);
      const deviceId = randomBytes(16).toString('base64url');
      const body = [VERSION, accountId, passwordVersion, seconds, deviceId].join('.');
      return `${body}.${macOf(newest, body).toString('base64url')}`;
    },
    verify(value) {
      const parts = value.length <= 256 ? FORM.exec(value) : null;
      if (!parts) return undefined;
      const [, accountId = '', version, seconds, deviceId = '', mac = ''] = parts;
      const body = value.slice(0, value.lastIndexOf('.'));
      const given = Buffer.from(mac, 'base64url');
      // Every key is tried, whichever fits, so that time does not tell which one signed.
      const known = keys.filter((key) => timingSafeEqual(macOf(key, body), given)).length > 0;
      if (!known || Number(seconds) + DEVICE_COOKIE_SECONDS < clock.now() / 1000) return undefined;
      return { accountId, passwordVersion: Number(version), deviceId };
    },
  };
}

function macOf(key: string, body: string): Buffer {
  return createHmac('sha256', key).update(PURPOSE).update(body).digest();
}
