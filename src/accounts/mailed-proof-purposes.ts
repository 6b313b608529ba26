/** What mailed proofs are for, and what each is bound to. */

export type ProofPurpose =
  | 'sign-up'
  | 'verify-email'
  | 'reset-password'
  | 'change-email'
  | 'sign-in'
  | 'second-factor'
  | 'suspicion'
  | 'not-me'
  | 'invitation'
  | 'link-identity'
  | 'cancel-deletion';

/** What a proof is bound to besides its purpose and subject; looked at again when it is used. */
interface Binding {
  /** `nobody`: there is no account yet. `anyone`: the account may be disabled. */
  readonly account: 'nobody' | 'active' | 'anyone';
  /** `own`: mailed to the account's address, which must be the same still. `present`: mailed elsewhere, the same. */
  readonly address: 'own' | 'present' | 'free';
  /** Void once the password was changed. */
  readonly password: boolean;
}

export const bindings: Readonly<Record<ProofPurpose, Binding>> = {
  'sign-up': { account: 'nobody', address: 'free', password: false },
  invitation: { account: 'nobody', address: 'free', password: false },
  'verify-email': { account: 'active', address: 'own', password: true },
  'reset-password': { account: 'active', address: 'own', password: true },
  'change-email': { account: 'active', address: 'present', password: true },
  'sign-in': { account: 'active', address: 'own', password: true },
  'second-factor': { account: 'active', address: 'own', password: true },
  suspicion: { account: 'active', address: 'own', password: true },
  'link-identity': { account: 'active', address: 'own', password: true },
  // Whoever has taken an account over changes its password and address first: these must still work then.
  'not-me': { account: 'anyone', address: 'free', password: false },
  'cancel-deletion': { account: 'anyone', address: 'free', password: false },
};

/** Which accounts the purpose opens. */
export function openTo(purpose: ProofPurpose): { needsAccount: boolean; needsActive: boolean } {
  const { account } = bindings[purpose];
  return { needsAccount: account !== 'nobody', needsActive: account === 'active' };
}

export function isPurpose(text: string): text is ProofPurpose {
  return Object.hasOwn(bindings, text);
}
