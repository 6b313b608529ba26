/** A passkeys room that answers as it is told: what the pages make of it is what is tested. */

import type { PasskeyFront } from '../../src/pages/front-door.ts';
import type { AddOutcome, PasskeySignIn } from '../../src/passkeys/passkey.ts';

export interface FakePasskeys extends PasskeyFront {
  outcome: PasskeySignIn;
  added: AddOutcome;
  /** How many each account has. */
  readonly counts: Map<string, number>;
  readonly attempts: { bound: string; response: string; accountId?: string | undefined }[];
}

export function createFakePasskeys(): FakePasskeys {
  const rp = { rpId: 'localhost', challenge: 'AAAA', timeout: 300_000 };
  const fake: FakePasskeys = {
    rpId: 'localhost',
    outcome: { kind: 'rejected' },
    added: { kind: 'rejected' },
    counts: new Map(),
    attempts: [],
    count: async (accountId) => fake.counts.get(accountId) ?? 0,
    signingIn: {
      options: async () => ({ ...rp, userVerification: 'required' }),
      async signIn({ bound, response, accountId }) {
        fake.attempts.push({ bound, response, accountId });
        return fake.outcome;
      },
    },
    adding: {
      options: async ({ id, email }) => ({
        ...rp,
        rp: { id: 'localhost', name: 'localhost' },
        user: { id: Buffer.from(id).toString('base64url'), name: email, displayName: email },
        pubKeyCredParams: [{ alg: -7, type: 'public-key' }],
      }),
      prepare: async () => ({ kind: 'rejected' }),
      insert: async () => fake.added,
      add: async () => fake.added,
    },
  };
  return fake;
}
