/**
 * "This wasn't me": the link of a notice, for whoever reads the mailbox that the account had when the notice was written.
 * It gives the account back as far as a mailbox can prove it: everything is signed out, the password no longer opens
 * anything, an address that was changed counts again, an account that was to be deleted stays, and a mail leads to a new
 * password. The older notice wins: one that gives an address back voids those of later addresses, which are the
 * stranger's. Every way in that was added at or after the moment that the notice tells of goes: passkeys, accounts at other
 * providers, authenticator apps, recovery codes. What was there before stays, and is still asked for: a mailbox alone must
 * not remove it. A newer notice reaches as far back as the oldest that still stands.
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
import type { MailedProof, MailedProofs } from './mailed-proofs.ts';

export interface NotMe {
  /**
   * The token of a link for a notice.
   * @param o.restores the account's present address is about to be the old one
   * @param o.since ms: when that began of which the notice tells
   */
  issue(
    trx: Kysely<Database>,
    account: Account,
    o: { readonly restores?: boolean; readonly since: number },
  ): Promise<string>;
  /** Uses nothing up. */
  describe(token: string): Promise<{ readonly email: string } | undefined>;
  /** `done-removed`: ways in were removed, too. */
  confirm(token: string, by: By): Promise<'done' | 'done-removed' | 'gone'>;
}

/** How many of each were removed. */
export interface WaysRemoved {
  readonly passkeys: number;
  readonly providers: number;
  readonly authenticators: number;
  /** Recovery codes that were unused. */
  readonly codes: number;
}

/** Removes what was added to an account at or after `since` (ms), in the transaction that has locked it. */
export type TakeBack = (
  trx: Kysely<Database>,
  o: { readonly accountId: string; readonly since: number; readonly by: By },
) => Promise<WaysRemoved>;

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
  takeBack,
}: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  mail: Pick<Mail, 'write'>;
  proofs: MailedProofs;
  lifetimes: Lifetimes;
  takeBack: TakeBack;
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

  async function mailReset(
    trx: Kysely<Database>,
    { id, email, profile }: Account,
    by: By,
    removed: WaysRemoved,
  ): Promise<void> {
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
        ...told(removed),
      },
    });
  }

  return {
    async issue(trx, account, { restores = false, since }) {
      const { token } = await proofs.issue(trx, {
        purpose: PURPOSE,
        // Each notice has its own: one that a stranger causes at a new address voids none at the old one.
        subject: `${account.id} ${randomUUID()}`,
        accountId: account.id,
        email: account.email,
        lifetimeSeconds: LINK_SECONDS,
        data: { restores, since },
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
        const since = sinceOf(proof, await proofs.older(trx, PURPOSE, token));
        // Before the address is given back: whoever sets a factor up holds the account first, and the factors then.
        const removed = await takeBack(trx, { accountId: found.id, since, by });
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
        const waysRemoved = removed.passkeys + removed.providers + removed.authenticators + removed.codes;
        const detail = { addressRestored: restored.email !== found.email, waysRemoved };
        await audit.append(trx, { type: 'account.not-me', detail, accountId: account.id, ...by });
        await noteChange(trx, 'account', account.id);
        // To the account's own address: somebody else's new one, where the old one could not be given back, gets none.
        const isOwn = canonicalEmail(proof.email);
        const owns = isOwn.kind === 'email' && isOwn.canonical === account.emailCanonical;
        if (owns && account.status === 'active') await mailReset(trx, account, by, removed);
        return waysRemoved > 0 ? 'done-removed' : 'done';
      }),
  };
}

/**
 * From which moment on (ms) a click takes back: that of the notice, or of an older one that nobody has answered. Whoever signs in
 * once more from another browser, by what he has added, must not make the newest notice a harmless one.
 */
function sinceOf(
  { data, expiresAt }: MailedProof,
  older: readonly Readonly<Record<string, unknown>>[],
): number {
  const moments = [data, ...older].flatMap(({ since }) => (typeof since === 'number' ? [since] : []));
  return Math.min(expiresAt - LINK_SECONDS * 1000, ...moments);
}

/** The mail names what there was, and says nothing of the rest. */
function told(removed: WaysRemoved): Partial<WaysRemoved> {
  return Object.fromEntries(Object.entries(removed).filter(([, count]) => count > 0));
}
