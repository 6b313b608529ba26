/** What a request may change of an account, and which columns that really changes. */
import type { Account, By } from './account.ts';
import type { AccountUpdate } from './account-store.ts';
import { canonicalEmail } from './emails.ts';
import type { Fault, Faulty } from './fault.ts';
import { changeProfile, judgeProfile, type ProfileChange } from './profile.ts';

export interface AccountChange {
  readonly email?: string | undefined;
  readonly profile?: ProfileChange | undefined;
}

/** What is the same already is left alone and not audited. */
export function judgeChange(
  current: Account,
  { email, profile }: AccountChange,
  by: By,
): { kind: 'change'; change: AccountUpdate } | Faulty {
  const faults: Fault[] = [];
  const change: { -readonly [K in keyof AccountUpdate]: AccountUpdate[K] } = {};
  if (email !== undefined) {
    const address = canonicalEmail(email);
    if (address.kind === 'refused') faults.push({ field: 'email', message: address.message });
    else if (address.canonical !== current.emailCanonical) {
      Object.assign(change, {
        email: address.email,
        emailCanonical: address.canonical,
        emailVerified: false,
      });
    } else if (address.email !== current.email) change.email = address.email;
  }
  if (profile !== undefined) {
    // Verified is what somebody else has verified.
    if (by.actor.kind === 'account' && by.actor.id === current.id && 'phone_number_verified' in profile) {
      faults.push({ field: 'phone_number_verified', message: 'is not yours to set' });
    }
    const judged = judgeProfile(changeProfile(current.profile, profile));
    if (judged.kind === 'faults') faults.push(...judged.faults);
    else if (JSON.stringify(judged.profile) !== JSON.stringify(current.profile))
      change.profile = judged.profile;
  }
  return faults.length > 0 ? { kind: 'faults', faults } : { kind: 'change', change };
}
