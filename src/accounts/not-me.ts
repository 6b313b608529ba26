/**
 * "This wasn't me": the link of a notice, for whoever reads the mailbox that the account had when the notice was written.
 * It gives the account back as far as a mailbox can prove it: everything is signed out, the password no longer opens
 * anything, an address that was changed counts again, an account that was to be deleted stays, and a mail leads to a new
 * password. The older notice wins: one that gives an address back voids those of later addresses, which are the
 * stranger's. Second factors stay as they are: a mailbox alone must not remove them, and the page says where to look at
 * them.
 */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Mail } from '../mail/mail.ts';
import { noteChange } from '../storage/changes.ts';
import { endAccess } from '../storage/ended-access.ts';
import type { Database } from '../storage/tables.ts';
import type { Account, By } from './account.ts';
import { findAccountByEmail, lockAccount, updateAccount, voidPassword } from './account-store.ts';
import { canonicalEmail } from './emails.ts';
import { endedUntil } from './end-of-access.ts';
import type { MailedProofs } from './mailed-proofs.ts';

export interface NotMe {
  /** The token of a link for a notice. `restores`: the account's present address is about to be the old one. */
  issue(trx: Kysely<Database>, account: Account, o?: { readonly restores: boolean }): Promise<string>;
  /** Uses nothing up. */
  describe(token: string): Promise<{ readonly email: string } | undefined>;
  confirm(token: string, by: By): Promise<'done' | 'gone'>;
}

const PURPOSE = 'not-me';
/** Notices are read late: somebody is on holiday. What the link does is undone by a mail to the same address. */
const LINK_SECONDS = 7 * 86_400;

export function createNotMe({
  db,
  clock,
  audit,
  mail,
  proofs,
  lifetimes,
}: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  mail: Pick<Mail, 'write'>;
  proofs: MailedProofs;
  lifetimes: Lifetimes;
}): NotMe {
  /** The old address counts again, unless another account has it by now. */
  async function restore(trx: Kysely<Database>, account: Account, email: string): Promise<Account> {
    const address = canonicalEmail(email);
    if (address.kind === 'refused' || address.canonical === account.emailCanonical) return account;
    if (await findAccountByEmail(trx, address.canonical)) return account;
    const set = { email: address.email, emailCanonical: address.canonical, emailVerified: true };
    return (await updateAccount(trx, account.id, set, clock.now())) ?? account;
  }

  /** Whoever had got in may have set out to delete it, and the mail that keeps it went to his address. */
  async function keep(trx: Kysely<Database>, { id, status }: Account, at: number, by: By): Promise<void> {
    if (status !== 'leaving') return;
    await updateAccount(trx, id, { status: 'active' }, at);
    await proofs.withdraw(trx, 'cancel-deletion', id);
    await audit.append(trx, { type: 'account.kept', detail: { by: 'link' }, accountId: id, ...by });
  }

  async function mailReset(trx: Kysely<Database>, { id, email, profile }: Account, by: By): Promise<void> {
    const lifetimeSeconds = lifetimes.mailedLink;
    const proof = { purpose: 'reset-password', subject: id, email, lifetimeSeconds } as const;
    const { token, code } = await proofs.issue(trx, proof);
    await mail.write(trx, {
      kind: 'reset-password',
      key: `reset-password:${randomUUID()}`,
      accountId: id,
      to: email,
      locale: profile.locale,
      data: {
        code,
        link: `/link/${token}`,
        minutes: Math.floor(lifetimeSeconds / 60),
        network: by.network,
      },
    });
  }

  return {
    async issue(trx, account, o) {
      const restores = o?.restores === true;
      const { token } = await proofs.issue(trx, {
        purpose: PURPOSE,
        // Each notice has its own: one that a stranger causes at a new address voids none at the old one.
        subject: `${account.id} ${randomUUID()}`,
        accountId: account.id,
        email: account.email,
        lifetimeSeconds: LINK_SECONDS,
        data: { restores },
      });
      return token;
    },
    async describe(token) {
      const proof = await proofs.look(PURPOSE, token);
      return proof && { email: proof.email };
    },
    confirm: (token, by) =>
      db.transaction().execute(async (trx) => {
        const proof = await proofs.redeemToken(trx, PURPOSE, token);
        const found = proof?.accountId === undefined ? undefined : await lockAccount(trx, proof.accountId);
        if (!proof || !found) return 'gone';
        const at = clock.now();
        const restores = proof.data.restores === true;
        if (restores) await proofs.withdrawNewer(trx, PURPOSE, token);
        const restored = restores ? await restore(trx, found, proof.email) : found;
        await keep(trx, restored, at, by);
        const account = (await voidPassword(trx, restored.id, at)) ?? restored;
        await proofs.withdraw(trx, 'change-email', account.id);
        await endAccess(trx, {
          accountId: account.id,
          reason: 'revoked by person',
          at,
          expiresAt: endedUntil(at, lifetimes),
          by: 'account',
        });
        const detail = { addressRestored: restored.email !== found.email };
        await audit.append(trx, { type: 'account.not-me', detail, accountId: account.id, ...by });
        await noteChange(trx, 'account', account.id);
        // To the account's own address: somebody else's new one, where the old one could not be given back, gets none.
        const isOwn = canonicalEmail(proof.email);
        const owns = isOwn.kind === 'email' && isOwn.canonical === account.emailCanonical;
        if (owns && account.status === 'active') await mailReset(trx, account, by);
        return 'done';
      }),
  };
}
