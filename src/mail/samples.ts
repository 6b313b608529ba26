/** What previews, test sends and the linter show: every variable of every kind, made up. */
import type { MailData } from './message.ts';

const at = Date.UTC(2026, 10, 25, 16, 4);
const minute = 60_000;
const where = { network: '198.51.100.9', device: 'Firefox, Linux' } as const;
const notice = { at, ...where } as const;
/** No code or link of anybody's. */
const code = { code: '1234 5678', minutes: 15, network: where.network } as const;
const link = '/link/sample';

export const samples: { readonly [K in keyof MailData]: MailData[K] } = {
  'sign-up': { ...code, link, app: 'Orders' },
  'sign-up-known': { link, app: 'Orders' },
  'sign-up-uninvited': { app: 'Orders' },
  'verify-email': { ...code, link },
  'reset-password': { ...code, link, passkeys: 2, authenticators: 1, providers: 1, codes: 10 },
  'sign-in-code': { ...code, app: 'Orders' },
  'second-factor-code': { ...code, app: 'Orders' },
  'change-email': { ...code, link },
  'change-email-taken': {},
  'link-identity': { ...code, provider: 'GitHub' },
  invitation: { code: code.code, link, until: at + 7 * 24 * 60 * minute, from: 'Grace Hopper' },
  'sign-in-ended': {
    app: 'Orders',
    at,
    network: where.network,
    firstNetwork: '203.0.113.7',
    seconds: 41,
  },
  'new-device': { ...notice, link, app: 'Orders' },
  'password-changed': notice,
  'email-changed': { ...notice, email: 'ada@example.org', link },
  'factor-added': { ...notice, factor: 'passkey', name: 'Ada’s phone' },
  'factor-removed': { ...notice, factor: 'totp', name: 'Work phone' },
  'passkey-suspected': { ...notice, name: 'Ada’s phone' },
  'recovery-codes-made': notice,
  'recovery-code-used': { ...notice, left: 7, few: 2 },
  'codes-tried': notice,
  'identity-linked': { ...notice, provider: 'GitHub' },
  'identity-unlinked': { ...notice, provider: 'GitHub' },
  'signed-out-everywhere': notice,
  'data-downloaded': notice,
  'deletion-planned': { ...notice, until: at + 14 * 24 * 60 * minute, link },
  'account-deleted': notice,
};
