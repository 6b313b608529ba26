/** Whether a verified device cookie is one of this account, under its present password. */
import type { Device } from '../throttle/device-cookie.ts';
import type { Account } from './account.ts';

export function isKnownBrowser(
  device: Device | undefined,
  account: Pick<Account, 'id' | 'passwordVersion'> | undefined,
): boolean {
  if (!device || !account) return false;
  return device.accountId === account.id && device.passwordVersion === account.passwordVersion;
}
