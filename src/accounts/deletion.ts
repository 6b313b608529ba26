/**
 * People delete their own accounts: at once nothing is left that is signed in, and when the grace time is over the
 * account goes for good. Until then its holder keeps it by signing in with the password or by the link of the mail.
 * Owned by this room: the status `leaving`, its end, and who may not go. Not owned: the page that asks.
 */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Mail } from '../mail/mail.ts';
import { noteChange } from '../storage/changes.ts';
import { endAccess } from '../storage/ended-access.ts';
import type { Database } from '../storage/tables.ts';
import type { Account, By } from './account.ts';
import { deleteAccount, listLeft, lockAccount, updateAccount } from './account-store.ts';
import { endedUntil } from './end-of-access.ts';
import type { MailedProofs } from './mailed-proofs.ts';
import { isLastHolder } from './role-store.ts';
import { ADMINISTRATOR } from './roles.ts';

export type DeletionOutcome =
  /** ms: until then it can be kept. */
  | { readonly kind: 'planned'; readonly until: number }
  /** The grace time is 0. */
  | { readonly kind: 'deleted' }
  /** Nobody could administer this installation any more. */
  | { readonly kind: 'last-administrator' }
  | { readonly kind: 'absent' };

export interface Deletions {
  /** Whether it would be refused. The plan itself looks again. */
  isLastAdministrator(accountId: string): Promise<boolean>;
  /** Ends every session and family of the account, and says when it goes. */
  plan(accountId: string, by: By): Promise<DeletionOutcome>;
  /** For whoever has just proved that password. False when it was not leaving, or has another password by now. */
  keep(accountId: string, passwordVersion: number, by: By): Promise<boolean>;
  /** What the link of the mail is about. Uses nothing up. */
  describeLink(token: string): Promise<{ readonly email: string } | undefined>;
  keepByLink(token: string, by: By): Promise<'done' | 'gone'>;
  /** Deletes the accounts whose grace time is over, a bounded number of them. @returns how many */
  sweep(): Promise<number>;
}

export interface DeletionParts {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly audit: Pick<Audit, 'append'>;
  readonly mail: Pick<Mail, 'write'>;
  readonly proofs: Pick<MailedProofs, 'issue' | 'look' | 'redeemToken' | 'withdraw'>;
  readonly lifetimes: Lifetimes;
}

const PURPOSE = 'cancel-deletion';
/** A round of the upkeep, once a minute: 3,000 an hour are more than leave any installation. */
const SWEEP_ACCOUNTS = 50;

export function createDeletions(parts: DeletionParts): Deletions {
  const { db, clock, audit, mail, proofs, lifetimes } = parts;

  async function end(trx: Kysely<Database>, accountId: string, at: number, by: By): Promise<void> {
    const expiresAt = endedUntil(at, lifetimes);
    await endAccess(trx, { accountId, reason: 'account disabled', at, expiresAt, by: by.actor.kind });
  }

  async function remove(trx: Kysely<Database>, account: Account, at: number, by: By): Promise<void> {
    await deleteAccount(trx, account.id);
    await end(trx, account.id, at, by);
    await audit.append(trx, { type: 'account.deleted', detail: {}, accountId: account.id, ...by });
    await noteChange(trx, 'account', account.id);
    if (!account.emailVerified) return;
    await mail.write(trx, {
      kind: 'account-deleted',
      key: `account-deleted:${account.id}`,
      to: account.email,
      locale: account.profile.locale,
      data: { at, network: by.network },
    });
  }

  /** Only an address that is known to be theirs is told, and gets the link. */
  async function tell(trx: Kysely<Database>, account: Account, until: number, by: By): Promise<void> {
    if (!account.emailVerified) return;
    const at = clock.now();
    const { token } = await proofs.issue(trx, {
      purpose: PURPOSE,
      subject: account.id,
      email: account.email,
      lifetimeSeconds: lifetimes.deletionGrace,
    });
    await mail.write(trx, {
      kind: 'deletion-planned',
      key: `deletion-planned:${account.id}:${until}`,
      accountId: account.id,
      to: account.email,
      locale: account.profile.locale,
      data: { at, until, network: by.network, link: `/link/${token}` },
    });
  }

  async function keepIn(
    trx: Kysely<Database>,
    accountId: string,
    by: By,
    way: 'sign-in' | 'link',
    passwordVersion?: number,
  ): Promise<boolean> {
    const account = await lockAccount(trx, accountId);
    if (account?.status !== 'leaving') return false;
    if (passwordVersion !== undefined && account.passwordVersion !== passwordVersion) return false;
    await updateAccount(trx, accountId, { status: 'active' }, clock.now());
    await proofs.withdraw(trx, PURPOSE, accountId);
    await audit.append(trx, { type: 'account.kept', detail: { by: way }, accountId, ...by });
    await noteChange(trx, 'account', accountId);
    return true;
  }

  return {
    isLastAdministrator: (accountId) => isLastHolder(db, ADMINISTRATOR, accountId),
    plan: (accountId, by) =>
      db.transaction().execute(async (trx): Promise<DeletionOutcome> => {
        // The role first: of two last administrators who leave at once, the second waits and is refused.
        if (await isLastHolder(trx, ADMINISTRATOR, accountId, { lock: true })) {
          return { kind: 'last-administrator' };
        }
        const account = await lockAccount(trx, accountId);
        if (account?.status !== 'active') return { kind: 'absent' };
        const at = clock.now();
        if (lifetimes.deletionGrace === 0) {
          await remove(trx, account, at, by);
          return { kind: 'deleted' };
        }
        const until = at + lifetimes.deletionGrace * 1000;
        await updateAccount(trx, accountId, { status: 'leaving', leavingUntil: until }, at);
        await end(trx, accountId, at, by);
        await audit.append(trx, { type: 'account.deletion-planned', detail: { until }, accountId, ...by });
        await noteChange(trx, 'account', accountId);
        await tell(trx, account, until, by);
        return { kind: 'planned', until };
      }),
    keep: (accountId, passwordVersion, by) =>
      db.transaction().execute((trx) => keepIn(trx, accountId, by, 'sign-in', passwordVersion)),
    async describeLink(token) {
      const proof = await proofs.look(PURPOSE, token);
      return proof && { email: proof.email };
    },
    keepByLink: (token, by) =>
      db.transaction().execute(async (trx) => {
        const proof = await proofs.redeemToken(trx, PURPOSE, token);
        const kept = proof !== undefined && (await keepIn(trx, proof.subject, by, 'link'));
        return kept ? 'done' : 'gone';
      }),
    async sweep() {
      let deleted = 0;
      for (const id of await listLeft(db, { now: clock.now(), limit: SWEEP_ACCOUNTS })) {
        await db.transaction().execute(async (trx) => {
          const account = await lockAccount(trx, id);
          const at = clock.now();
          // It was kept meanwhile, or another process was first.
          if (account?.status !== 'leaving' || (account.leavingUntil ?? at) > at) return;
          await remove(trx, account, at, { actor: { kind: 'system' } });
          deleted += 1;
        });
      }
      return deleted;
    },
  };
}
