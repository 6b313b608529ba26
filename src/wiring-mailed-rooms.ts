/** Builds what rests on a mailed link or code: one store of proofs, one budget of mails, and the rooms that share them. */
import type { AccountParts, Accounts } from './accounts/accounts.ts';
import { createDeletions } from './accounts/deletion.ts';
import { createEmailChange } from './accounts/email-change.ts';
import { createEmailVerification } from './accounts/email-verification.ts';
import { createMailedProofs } from './accounts/mailed-proofs.ts';
import { createNotMe } from './accounts/not-me.ts';
import { createPasswordResets } from './accounts/password-reset.ts';
import { createSignInCodes } from './accounts/sign-in-codes.ts';
import type { Audit } from './audit/audit.ts';
import type { Settings } from './config/settings.ts';
import type { Mail } from './mail/mail.ts';
import type { Metrics } from './observability/metrics.ts';
import type { Counters } from './storage/counters.ts';
import type { InstanceSecrets } from './storage/random-secrets.ts';
import { createCodeThrottle } from './throttle/code-throttle.ts';
import { createMailBudget } from './throttle/mail-budget.ts';
import { createSigningUp } from './wiring-sign-up.ts';
import { createTakeBack } from './wiring-taking-back.ts';

type Needs = AccountParts & {
  readonly audit: Audit;
  readonly settings: Settings;
  readonly secrets: Pick<InstanceSecrets, 'get'>;
  readonly counters: Counters;
  readonly mail: Mail;
  readonly accounts: Accounts;
  readonly metrics: Pick<Metrics, 'count'>;
};

export async function openMailedRooms({ settings, secrets, counters, metrics, ...parts }: Needs) {
  const { db, clock } = parts;
  const { limits } = settings;
  const mailedProofs = createMailedProofs({ db, clock, secrets: await secrets.get('mailed-codes') });
  const mailBudget = createMailBudget({ counters, limits });
  const codeThrottle = createCodeThrottle({ counters, limits, clock });
  const shared = { ...parts, proofs: mailedProofs, budget: mailBudget, codeThrottle };
  const notMe = createNotMe({ ...shared, takeBack: createTakeBack({ ...parts, settings }) });
  return {
    mailedProofs,
    mailBudget,
    codeThrottle,
    emailVerification: createEmailVerification(shared),
    signInCodes: createSignInCodes({
      ...shared,
      onOutcome: (outcome) => metrics.count('cardea_sign_ins_total', { outcome }),
    }),
    passwordResets: createPasswordResets(shared),
    notMe,
    emailChange: createEmailChange({ ...shared, notMe }),
    deletions: createDeletions(shared),
    ...createSigningUp({ ...shared, settings }),
  };
}
