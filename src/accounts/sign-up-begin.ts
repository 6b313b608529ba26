/**
 * The first step of a sign-up. The answer to a typed address is the same whether it has an account or not: the mail alone
 * tells, and only whoever reads that mailbox (ASVS 5 6.3.8). Both answers cost the same statements.
 */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { SignUpSettings } from '../config/sign-up.ts';
import type { Mail } from '../mail/mail.ts';
import { digest } from '../storage/digest.ts';
import type { Database } from '../storage/tables.ts';
import type { MailBudget } from '../throttle/mail-budget.ts';
import type { AccountMaker } from './account-maker.ts';
import { findAccountByEmail } from './account-store.ts';
import { canonicalEmail } from './emails.ts';
import type { Invitations } from './invitations.ts';
import type { MailedProofs } from './mailed-proofs.ts';
import type { SignUpPolicy } from './sign-up-policy.ts';
import { putSignUp } from './sign-ups-store.ts';

export interface BeginSignUp {
  /** The uid of the interaction. */
  readonly visit: string;
  /** As typed. */
  readonly email: string;
  readonly app?: string | undefined;
  /** throttle/networks.ts */
  readonly network: string;
  readonly locale?: string | undefined;
}

export type BeginOutcome =
  /** Whatever was mailed, and whether anything was. */
  | { readonly kind: 'sent' }
  | { readonly kind: 'fault'; readonly message: string }
  /** The address has another domain than those that may sign up. */
  | { readonly kind: 'domain' };

export interface SignUpParts {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly audit: Pick<Audit, 'append'>;
  readonly maker: AccountMaker;
  readonly proofs: MailedProofs;
  readonly invitations: Pick<Invitations, 'isInvited' | 'hold' | 'take'>;
  readonly mail: Pick<Mail, 'write' | 'kind'>;
  readonly settings: SignUpSettings;
  readonly budget: MailBudget;
  /** Where somebody whose address has an account chooses a new password: a path of ours. */
  readonly resetPath: string;
  /** Seconds that a visit lasts. */
  readonly visitSeconds: number;
}

/** As long as people look for a mail that is late; the visit itself lasts longer. */
const PROOF_SECONDS = 30 * 60;
/** What the proof of an address is bound to: that address at that visit. */
export function subjectOf(emailCanonical: string, visitDigest: string): string {
  return `${emailCanonical} ${visitDigest}`;
}

export function createSignUpBegin(
  parts: SignUpParts,
  policy: SignUpPolicy,
): (typed: BeginSignUp) => Promise<BeginOutcome> {
  const { db, clock, proofs, mail, settings, budget } = parts;

  return async ({ visit, email, app, network, locale }) => {
    const address = canonicalEmail(email);
    if (address.kind === 'refused') return { kind: 'fault', message: address.message };
    const { canonical } = address;
    const mayMail = await budget.take({ address: canonical, network });
    const [known, allowed] = await Promise.all([findAccountByEmail(db, canonical), policy.allows(canonical)]);
    // It says nothing of any account: the list is the same for everybody.
    if (settings.policy === 'domains' && !allowed) return { kind: 'domain' };

    const visitDigest = digest(visit);
    await db.transaction().execute(async (trx) => {
      const expiresAt = clock.now() + parts.visitSeconds * 1000;
      await putSignUp(trx, { visitDigest, email: address.email, emailCanonical: canonical, expiresAt });
      // Beyond the budget the page says the same, and an earlier mail still counts at its own visit. No code is made: each
      // one is five guesses at a stranger's mailbox.
      if (!mayMail) return;
      // Issued for every address alike; only the mail differs, and only one that may go on holds the code.
      const { token, code } = await proofs.issue(trx, {
        purpose: 'sign-up',
        subject: subjectOf(canonical, visitDigest),
        email: address.email,
        lifetimeSeconds: PROOF_SECONDS,
        data: { visit: visitDigest },
      });
      const common = { key: `sign-up:${digest(token)}`, to: address.email, locale } as const;
      if (known) {
        const data = { link: parts.resetPath, app };
        await mail.write(trx, { ...common, kind: 'sign-up-known', accountId: known.id, data });
      } else if (!allowed) {
        await mail.write(trx, { ...common, kind: 'sign-up-uninvited', data: { app } });
      } else {
        const data = { code, link: `/link/${token}`, minutes: PROOF_SECONDS / 60, app, network };
        await mail.write(trx, { ...common, kind: 'sign-up', data });
      }
    });
    return { kind: 'sent' };
  };
}
