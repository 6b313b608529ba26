/**
 * Accounts: made, found, changed and ended. Every change is one transaction with its audit event, the note by which
 * other processes learn of it within a second, and, where access ends, the fact that ends it. What comes from outside
 * is taken field by field: nothing else of it is looked at, so that no request can set what it was not asked for.
 */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { SecondFactorPolicy } from '../config/second-factor.ts';
import { noteChange } from '../storage/changes.ts';
import type { EndReason } from '../storage/end-reasons.ts';
import { endAccess } from '../storage/ended-access.ts';
import type { Database } from '../storage/tables.ts';
import type { Account, By, Created, NewAccount } from './account.ts';
import { type AccountChange, judgeChange } from './account-change.ts';
import { createAccountMaker } from './account-maker.ts';
import {
  type AccountUpdate,
  deleteAccount,
  findAccount,
  findAccountByEmail,
  isTaken,
  listAccounts,
  lockAccount,
  storePassword,
  updateAccount,
} from './account-store.ts';
import { canonicalEmail } from './emails.ts';
import { endedUntil } from './end-of-access.ts';
import type { Busy, Faulty, Taken } from './fault.ts';
import { readCursor, writeCursor } from './page-cursor.ts';
import type { Passwords } from './passwords.ts';

export type Changed = { readonly kind: 'changed'; readonly account: Account } | { readonly kind: 'absent' };

/** What entitles to a new password without the old one. */
export interface PasswordReset {
  /** Uses the proof up, in the transaction that sets the password. False: it was none any more, and nothing happens. */
  redeem(trx: Kysely<Database>): Promise<boolean>;
  /** For the audit; `reset` unless given. */
  readonly by?: 'reset' | 'self';
}

export interface AccountPage {
  readonly accounts: readonly Account[];
  /** The `after` of the next page; absent on the last. */
  readonly next?: string | undefined;
}

export interface Accounts {
  create(input: NewAccount, by: By): Promise<Created | Taken | Faulty | Busy>;
  find(id: string): Promise<Account | undefined>;
  /** By any spelling of the address. */
  findByEmail(email: string): Promise<Account | undefined>;
  /** Oldest first; `limit` 1..200, 50 when not given. Undefined when `after` is no `next` of ours. */
  list(page?: { after?: string | undefined; limit?: number | undefined }): Promise<AccountPage | undefined>;
  /** A new address is unverified again. `faults` names every fault at once. */
  update(id: string, change: AccountChange, by: By): Promise<Changed | Taken | Faulty>;
  setEmailVerified(id: string, verified: boolean, by: By): Promise<Changed>;
  /** What its sign-ins need besides the first factor, where nothing else demands more; undefined: it says nothing. */
  setSecondFactor(id: string, policy: SecondFactorPolicy | undefined, by: By): Promise<Changed>;
  /** Ends every session and family of the account, and makes its device cookies void. */
  setPassword(id: string, password: string, by: By, reset?: PasswordReset): Promise<Changed | Faulty | Busy>;
  /** Ends every session and family of the account. */
  disable(id: string, by: By, reason?: string): Promise<Changed>;
  /** What was ended stays ended. */
  enable(id: string, by: By): Promise<Changed>;
  /** For good, with its password, roles and consents; its id is never used again. False when there was none. */
  delete(id: string, by: By): Promise<boolean>;
}

export interface AccountParts {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly audit: Pick<Audit, 'append'>;
  readonly passwords: Passwords;
  readonly lifetimes: Lifetimes;
}

const ABSENT = { kind: 'absent' } as const;

export function createAccounts(parts: AccountParts): Accounts {
  const { db, clock, audit, passwords, lifetimes } = parts;
  const maker = createAccountMaker(parts);

  async function end(
    trx: Kysely<Database>,
    accountId: string,
    reason: EndReason,
    at: number,
    by: By,
  ): Promise<void> {
    const expiresAt = endedUntil(at, lifetimes);
    await endAccess(trx, { accountId, reason, at, expiresAt, by: by.actor.kind });
  }

  async function setStatus(id: string, status: Account['status'], by: By, reason?: string): Promise<Changed> {
    return db.transaction().execute(async (trx) => {
      const current = await lockAccount(trx, id);
      if (!current) return ABSENT;
      if (current.status === status) return { kind: 'changed', account: current };
      const at = clock.now();
      const account = await updateAccount(trx, id, { status }, at);
      if (!account) return ABSENT;
      if (status === 'disabled') {
        await end(trx, id, 'account disabled', at, by);
        await audit.append(trx, { type: 'account.disabled', detail: { reason }, accountId: id, ...by });
      } else {
        await audit.append(trx, { type: 'account.enabled', detail: {}, accountId: id, ...by });
      }
      await noteChange(trx, 'account', id);
      return { kind: 'changed', account };
    });
  }

  /** One transaction that changes `change`'s fields of a locked account, and names them in the audit. */
  async function apply(
    id: string,
    by: By,
    judge: (current: Account) => { kind: 'change'; change: AccountUpdate } | Faulty,
  ): Promise<Changed | Faulty> {
    return db.transaction().execute(async (trx) => {
      const current = await lockAccount(trx, id);
      if (!current) return ABSENT;
      const judged = judge(current);
      if (judged.kind === 'faults') return judged;
      const fields = Object.keys(judged.change).filter((field) => field !== 'emailCanonical');
      if (fields.length === 0) return { kind: 'changed', account: current };
      const account = await updateAccount(trx, id, judged.change, clock.now());
      if (!account) return ABSENT;
      await audit.append(trx, { type: 'account.updated', detail: { fields }, accountId: id, ...by });
      await noteChange(trx, 'account', id);
      return { kind: 'changed', account };
    });
  }

  return {
    create: (input, by) => maker.create(input, by),
    find: (id) => findAccount(db, id),
    async findByEmail(email) {
      const address = canonicalEmail(email);
      return address.kind === 'email' ? findAccountByEmail(db, address.canonical) : undefined;
    },
    async list({ after, limit = 50 } = {}) {
      const cursor = after === undefined ? undefined : readCursor(after);
      if (after !== undefined && cursor === undefined) return undefined;
      const size = Math.min(200, Math.max(1, Math.trunc(limit) || 1));
      const found = await listAccounts(db, { after: cursor, limit: size + 1 });
      const accounts = found.slice(0, size);
      const last = accounts.at(-1);
      return found.length > size && last ? { accounts, next: writeCursor(last) } : { accounts };
    },
    async update(id, change, by) {
      try {
        return await apply(id, by, (current) => judgeChange(current, change, by));
      } catch (error) {
        if (isTaken(error)) return { kind: 'taken' };
        throw error;
      }
    },
    async setEmailVerified(id, verified, by) {
      const outcome = await apply(id, by, ({ emailVerified }) => ({
        kind: 'change',
        change: emailVerified === verified ? {} : { emailVerified: verified },
      }));
      return outcome.kind === 'changed' ? outcome : ABSENT;
    },
    async setSecondFactor(id, policy, by) {
      const outcome = await apply(id, by, ({ secondFactor }) => ({
        kind: 'change',
        change: secondFactor === policy ? {} : { secondFactor: policy ?? null },
      }));
      return outcome.kind === 'changed' ? outcome : ABSENT;
    },
    async setPassword(id, password, by, reset) {
      const known = await findAccount(db, id);
      if (!known) return ABSENT;
      const words = [known.profile.name, known.profile.given_name, known.profile.family_name];
      const fault = await passwords.judge(password, {
        email: known.email,
        words: words.filter((word) => word !== undefined),
      });
      if (fault) return { kind: 'faults', faults: [fault] };
      // Before the transaction: a hash takes longer than everything else, and a transaction holds a connection.
      const hashed = await passwords.hash(password);
      if (hashed.kind === 'busy') return hashed;
      return db.transaction().execute(async (trx) => {
        // The lock first, the time then: a sign-in that reads the account before the lock is older than the end.
        await lockAccount(trx, id);
        if (reset && !(await reset.redeem(trx))) return ABSENT;
        const at = clock.now();
        const account = await storePassword(trx, id, hashed.value, at);
        if (!account) return ABSENT;
        await end(trx, id, 'password changed', at, by);
        const self = by.actor.kind === 'account' && by.actor.id === id;
        const detail = { by: reset ? (reset.by ?? 'reset') : self ? 'self' : 'operator' } as const;
        await audit.append(trx, { type: 'account.password-set', detail, accountId: id, ...by });
        await noteChange(trx, 'account', id);
        return { kind: 'changed', account };
      });
    },
    disable: (id, by, reason) => setStatus(id, 'disabled', by, reason),
    enable: (id, by) => setStatus(id, 'active', by),
    delete: (id, by) =>
      db.transaction().execute(async (trx) => {
        if (!(await deleteAccount(trx, id))) return false;
        await end(trx, id, 'account disabled', clock.now(), by);
        await audit.append(trx, { type: 'account.deleted', detail: {}, accountId: id, ...by });
        await noteChange(trx, 'account', id);
        return true;
      }),
  };
}
