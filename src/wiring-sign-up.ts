/** Builds what makes accounts for people who come by themselves or are invited. */
import { createAccountMaker } from './accounts/account-maker.ts';
import type { AccountParts } from './accounts/accounts.ts';
import { createInvitations, type Invitations } from './accounts/invitations.ts';
import type { MailedProofs } from './accounts/mailed-proofs.ts';
import { createSignUps, type SignUps } from './accounts/sign-ups.ts';
import type { Settings } from './config/settings.ts';
import type { Mail } from './mail/mail.ts';
import type { MailBudget } from './throttle/mail-budget.ts';

/** Where somebody who does not know the password any more begins. */
const RESET_PATH = '/reset';

export function createSigningUp(
  o: AccountParts & {
    readonly proofs: MailedProofs;
    readonly mail: Pick<Mail, 'write' | 'kind'>;
    readonly settings: Pick<Settings, 'signUp'>;
    readonly budget: MailBudget;
  },
): { readonly invitations: Invitations; readonly signUps: SignUps } {
  const invitations = createInvitations(o);
  const signUps = createSignUps({
    ...o,
    invitations,
    maker: createAccountMaker(o),
    settings: o.settings.signUp,
    resetPath: RESET_PATH,
    visitSeconds: o.lifetimes.interaction,
  });
  return { invitations, signUps };
}
