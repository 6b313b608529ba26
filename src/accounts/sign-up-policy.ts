/** Who may make an account (`CARDEA_SIGN_UP`). An invitation lets its address in under every policy. */
import type { SignUpSettings } from '../config/sign-up.ts';

export interface SignUpPolicy {
  /** By its canonical address. */
  allows(emailCanonical: string): Promise<boolean>;
  /** Without looking at invitations. */
  allowsUninvited(emailCanonical: string): boolean;
}

export function createSignUpPolicy(
  settings: SignUpSettings,
  isInvited: (emailCanonical: string) => Promise<boolean>,
): SignUpPolicy {
  const allowsUninvited = (emailCanonical: string): boolean => {
    if (settings.policy === 'open') return true;
    const domain = emailCanonical.slice(emailCanonical.lastIndexOf('@') + 1);
    return settings.policy === 'domains' && settings.domains.includes(domain);
  };
  return {
    allowsUninvited,
    allows: async (emailCanonical) => allowsUninvited(emailCanonical) || isInvited(emailCanonical),
  };
}
