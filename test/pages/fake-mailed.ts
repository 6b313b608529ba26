/** Mailed links and codes for pages without rooms behind them: what each token and code is for stands here. */
import { passwordFault } from '../../src/accounts/password-rules.ts';
import type { MailedFront } from '../../src/pages/mailed-front.ts';

/** Live links, by their purpose; any other token is dead. */
export const LINKS = {
  'reset-password': 'reset-link-'.padEnd(43, 'r'),
  'verify-email': 'verify-link-'.padEnd(43, 'v'),
} as const;
export const RIGHT_CODE = '1234 5678';

export function fakeMailed(): MailedFront {
  const email = 'ada@example.com';
  return {
    purposeOf: async (token) => Object.entries(LINKS).find(([, live]) => live === token)?.[0],
    reset: {
      ask: async (o) => (o.email.includes('@') ? 'asked' : 'no-address'),
      redeemCode: async ({ code }) =>
        code === RIGHT_CODE ? { kind: 'open', token: LINKS['reset-password'] } : { kind: 'wrong' },
      describe: async () => ({ email }),
      complete: async ({ password }) =>
        password.startsWith('password')
          ? { kind: 'fault', fault: passwordFault('common') }
          : { kind: 'changed' },
    },
    signInCodes: {
      ask: async (o) => (o.email.includes('@') ? 'asked' : 'no-address'),
      redeem: async ({ code }) =>
        code === RIGHT_CODE
          ? { kind: 'signed-in', account: { id: 'ada-1', passwordVersion: 1 }, amr: ['email'], at: 0 }
          : { kind: 'wrong' },
    },
    confirm: {
      'verify-email': { describe: async () => ({ email }), confirm: async () => 'done' },
    },
  };
}
