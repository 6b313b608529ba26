/**
 * A mailed code in place of a proof of work, for browsers without scripting: whoever brings it may have one password
 * checked while strangers from that network may not. It signs nobody in. It is bound to one sign-in page and one address;
 * for an address without an account the same is done, and nothing is mailed.
 */
import type { Kysely } from 'kysely';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Mail } from '../mail/mail.ts';
import { digest } from '../storage/digest.ts';
import type { Database } from '../storage/tables.ts';
import type { CodeThrottle } from '../throttle/code-throttle.ts';
import type { MailBudget } from '../throttle/mail-budget.ts';
import { findAccountByEmail } from './account-store.ts';
import { canonicalEmail } from './emails.ts';
import { mailSignInCode } from './mailed-code.ts';
import type { MailedProofs } from './mailed-proofs.ts';

export interface ProofCodes {
  /** `asked` says nothing about who has an account. */
  ask(o: {
    /** The uid of the interaction. */
    visit: string;
    email: string;
    app: string;
    network: string;
    locale?: string | undefined;
  }): Promise<'asked' | 'no-address'>;
  /** Uses it up: one code, one password. */
  redeem(o: {
    visit: string;
    email: string;
    code: string;
    network: string;
  }): Promise<
    { readonly kind: 'right' | 'wrong' } | { readonly kind: 'wait'; readonly retryAfterSeconds: number }
  >;
}

const PURPOSE = 'suspicion';

export function createProofCodes({
  db,
  mail,
  proofs,
  budget,
  codeThrottle,
  lifetimes,
}: {
  db: Kysely<Database>;
  mail: Pick<Mail, 'write'>;
  proofs: MailedProofs;
  budget: MailBudget;
  codeThrottle: CodeThrottle;
  lifetimes: Pick<Lifetimes, 'mailedCode'>;
}): ProofCodes {
  const subjectOf = (visit: string, canonical: string) => digest(JSON.stringify([visit, canonical]));

  return {
    async ask({ visit, email, app, network, locale }) {
      const address = canonicalEmail(email);
      if (address.kind === 'refused') return 'no-address';
      const { canonical } = address;
      if (!(await budget.take({ address: canonical, network }))) return 'asked';
      const found = await findAccountByEmail(db, canonical);
      const account = found?.status === 'active' ? found : undefined;
      await mailSignInCode(
        { db, proofs, mail },
        {
          purpose: PURPOSE,
          subject: subjectOf(visit, canonical),
          account,
          email: address.email,
          lifetimeSeconds: lifetimes.mailedCode,
          app,
          network,
          locale,
        },
      );
      return 'asked';
    },
    async redeem({ visit, email, code, network }) {
      const admitted = await codeThrottle.check(network);
      if (admitted.kind === 'wait') return admitted;
      const address = canonicalEmail(email);
      if (address.kind === 'refused') return { kind: 'wrong' };
      const subject = subjectOf(visit, address.canonical);
      const proof = await db.transaction().execute((trx) => proofs.redeemCode(trx, PURPOSE, subject, code));
      return { kind: proof ? 'right' : 'wrong' };
    },
  };
}
