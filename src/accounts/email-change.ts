/**
 * Another address for an account. It counts from the moment at which the new mailbox is proved, and is verified then;
 * until then everything goes to the old one. The link needs the account's own sign-in, whatever browser it is opened in: a
 * mailbox that was mistyped is somebody else's. The old address is told, with a link that takes it back (not-me.ts), so that
 * whoever has got into an account cannot keep it by its address. Asking costs and answers the same whether the new
 * address has an account or not; the mail tells, and only whoever reads that mailbox. Beyond the budget of mails no code is
 * made either: each one is five guesses at a stranger's mailbox.
 */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Mail } from '../mail/mail.ts';
import { noteChange } from '../storage/changes.ts';
import type { Database } from '../storage/tables.ts';
import type { MailBudget } from '../throttle/mail-budget.ts';
import type { Account, By } from './account.ts';
import { findAccount, findAccountByEmail, isTaken, lockAccount, updateAccount } from './account-store.ts';
import { canonicalEmail } from './emails.ts';
import type { MailedProof, MailedProofs } from './mailed-proofs.ts';
import type { NotMe } from './not-me.ts';

export interface EmailChange {
  /** `same`: it is the account's address already. */
  ask(
    accountId: string,
    email: string,
    by: By,
    locale?: string,
  ): Promise<'asked' | 'no-address' | 'same' | 'absent'>;
  /** The address that the link would set, and for whom. Uses nothing up. */
  describe(token: string): Promise<{ readonly email: string; readonly accountId: string } | undefined>;
  /** @param signedInAt ms: the sign-in that it rests on, from which on "this wasn't me" takes back what was added */
  confirm(token: string, by: By, signedInAt?: number): Promise<'done' | 'gone'>;
  /** The code, in the signed-in browser. */
  confirmCode(accountId: string, code: string, by: By, signedInAt?: number): Promise<'done' | 'wrong'>;
}

const PURPOSE = 'change-email';

export interface EmailChangeParts {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly audit: Pick<Audit, 'append'>;
  readonly mail: Pick<Mail, 'write'>;
  readonly proofs: MailedProofs;
  readonly budget: MailBudget;
  readonly lifetimes: Pick<Lifetimes, 'mailedLink'>;
  readonly notMe: Pick<NotMe, 'issue'>;
}

export function createEmailChange(parts: EmailChangeParts): EmailChange {
  const { db, clock, audit, mail, proofs, budget, lifetimes, notMe } = parts;

  const ask: EmailChange['ask'] = async (accountId, email, by, locale) => {
    const address = canonicalEmail(email);
    if (address.kind === 'refused') return 'no-address';
    const account = await findAccount(db, accountId);
    if (account?.status !== 'active') return 'absent';
    if (account.emailCanonical === address.canonical) return 'same';
    const { network = '' } = by;
    const mayMail = await budget.take({ address: address.canonical, network });
    const holder = await findAccountByEmail(db, address.canonical);
    const lifetimeSeconds = lifetimes.mailedLink;
    await db.transaction().execute(async (trx) => {
      if (!mayMail) return proofs.withdraw(trx, PURPOSE, accountId);
      const { token, code } = await proofs.issue(trx, {
        purpose: PURPOSE,
        subject: accountId,
        email: address.email,
        lifetimeSeconds,
      });
      const common = { key: `${PURPOSE}:${randomUUID()}`, to: address.email, locale } as const;
      const taken = holder && ({ kind: 'change-email-taken', accountId: holder.id, data: {} } as const);
      if (taken) return mail.write(trx, { ...common, ...taken });
      const data = { code, link: `/link/${token}`, minutes: Math.floor(lifetimeSeconds / 60), network };
      return mail.write(trx, { ...common, kind: PURPOSE, accountId, data });
    });
    return 'asked';
  };

  async function change(
    trx: Kysely<Database>,
    proof: MailedProof,
    by: By,
    signedInAt: number | undefined,
  ): Promise<boolean> {
    const address = canonicalEmail(proof.email);
    const before = proof.accountId === undefined ? undefined : await lockAccount(trx, proof.accountId);
    if (address.kind === 'refused' || !before) return false;
    const set = { email: address.email, emailCanonical: address.canonical, emailVerified: true };
    const after = await updateAccount(trx, before.id, set, clock.now());
    if (!after) return false;
    const detail = { fields: ['email', 'emailVerified'] };
    await audit.append(trx, { type: 'account.updated', detail, accountId: before.id, ...by });
    await noteChange(trx, 'account', before.id);
    await tellOldAddress(trx, { before, after, signedInAt }, by);
    return true;
  }

  /** Only an address that was theirs is told of their account, and can take it back. */
  async function tellOldAddress(
    trx: Kysely<Database>,
    o: { before: Account; after: Account; signedInAt: number | undefined },
    by: By,
  ) {
    const { before, after, signedInAt } = o;
    if (!before.emailVerified) return;
    const at = clock.now();
    const since = Math.min(signedInAt ?? at, at);
    const token = await notMe.issue(trx, before, { restores: true, since });
    await mail.write(trx, {
      kind: 'email-changed',
      key: `email-changed:${randomUUID()}`,
      accountId: before.id,
      to: before.email,
      locale: before.profile.locale,
      data: { at, network: by.network, email: after.email, link: `/link/${token}` },
    });
  }

  /** False too when another account has taken the address meanwhile: the unique index decides. */
  async function settle(
    by: By,
    signedInAt: number | undefined,
    redeem: (trx: Kysely<Database>) => Promise<MailedProof | undefined>,
  ): Promise<boolean> {
    try {
      return await db.transaction().execute(async (trx) => {
        const proof = await redeem(trx);
        return proof !== undefined && change(trx, proof, by, signedInAt);
      });
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  }

  return {
    ask,
    async describe(token) {
      const proof = await proofs.look(PURPOSE, token);
      const accountId = proof?.accountId;
      return proof && accountId !== undefined ? { email: proof.email, accountId } : undefined;
    },
    confirm: async (token, by, signedInAt) =>
      (await settle(by, signedInAt, (trx) => proofs.redeemToken(trx, PURPOSE, token))) ? 'done' : 'gone',
    confirmCode: async (accountId, code, by, signedInAt) =>
      (await settle(by, signedInAt, (trx) => proofs.redeemCode(trx, PURPOSE, accountId, code)))
        ? 'done'
        : 'wrong',
  };
}
