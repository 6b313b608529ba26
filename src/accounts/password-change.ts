/**
 * A new password by somebody who is signed in: with the old one, or, for an account that has none, by a strong sign-in,
 * which the caller has seen to. Wrong old passwords count with those of the sign-in page, so that a session that was left
 * open is no place to guess. Everything that is signed in ends with the change, the browser that made it too: whoever
 * knows the new password signs in again, and whoever only had the session does not.
 */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Clock } from '../config/clock.ts';
import type { Mail } from '../mail/mail.ts';
import type { Database } from '../storage/tables.ts';
import type { SignInThrottle } from '../throttle/sign-in-throttle.ts';
import type { By } from './account.ts';
import { findAccount, findCredentials } from './account-store.ts';
import type { Accounts } from './accounts.ts';
import type { Fault } from './fault.ts';
import type { Passwords } from './passwords.ts';

export type PasswordChangeOutcome =
  | { readonly kind: 'changed' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'locked' | 'busy'; readonly retryAfterSeconds: number }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'absent' };

export interface PasswordChange {
  hasPassword(accountId: string): Promise<boolean>;
  /** @param o.old not looked at when the account has no password; without it one that has is `wrong` */
  change(
    o: { readonly accountId: string; readonly old: string | undefined; readonly password: string },
    by: By & { readonly network: string },
  ): Promise<PasswordChangeOutcome>;
}

export function createPasswordChange({
  db,
  clock,
  passwords,
  accounts,
  throttle,
  mail,
}: {
  db: Kysely<Database>;
  clock: Clock;
  passwords: Passwords;
  accounts: Pick<Accounts, 'setPassword'>;
  throttle: SignInThrottle;
  mail: Pick<Mail, 'write'>;
}): PasswordChange {
  async function credentialsOf(accountId: string) {
    const account = await findAccount(db, accountId);
    return account?.status === 'active' ? findCredentials(db, account.emailCanonical) : undefined;
  }

  return {
    hasPassword: async (accountId) => (await credentialsOf(accountId))?.hash !== undefined,
    async change({ accountId, old, password }, by) {
      const found = await credentialsOf(accountId);
      if (!found) return { kind: 'absent' };
      const { account, hash } = found;
      const counted = { account: account.emailCanonical, network: by.network };
      if (hash !== undefined) {
        const admitted = await throttle.check(counted);
        if (admitted.kind === 'wait') {
          return { kind: 'locked', retryAfterSeconds: admitted.retryAfterSeconds };
        }
        const verified = await passwords.verify(hash, old ?? '', 'known');
        if (verified.kind === 'busy') {
          await throttle.released(counted);
          return verified;
        }
        if (!verified.value) return { kind: 'wrong' };
        await throttle.succeeded(counted);
      }
      const outcome = await accounts.setPassword(accountId, password, by, {
        // Not a proof, but a place in the same transaction: the notice goes out if and only if the password was set.
        async redeem(trx) {
          const present = await findAccount(trx, accountId);
          if (present?.passwordVersion !== account.passwordVersion) return false;
          await mail.write(trx, {
            kind: 'password-changed',
            key: `password-changed:${randomUUID()}`,
            accountId,
            to: account.email,
            locale: account.profile.locale,
            data: { at: clock.now(), network: by.network },
          });
          return true;
        },
        by: 'self',
      });
      switch (outcome.kind) {
        case 'changed':
          return { kind: 'changed' };
        case 'faults': {
          const [fault = { field: 'password', message: 'cannot be used' }] = outcome.faults;
          return { kind: 'fault', fault };
        }
        case 'absent':
        case 'busy':
          return outcome;
      }
    },
  };
}
