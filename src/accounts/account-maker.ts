/** Making an account, in two steps: what costs time or can be refused first, then the rows, in the caller's transaction. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import { noteChange } from '../storage/changes.ts';
import type { Database } from '../storage/tables.ts';
import type { By, Created, NewAccount, RoleReference } from './account.ts';
import { insertAccount, insertPassword } from './account-store.ts';
import { canonicalEmail } from './emails.ts';
import type { Busy, Fault, Faulty, Taken } from './fault.ts';
import type { Passwords } from './passwords.ts';
import { judgeProfile, type Profile } from './profile.ts';
import { insertAccountRole, resolveRole } from './role-store.ts';

/** Judged and hashed: nothing but the rows is left to do. */
export interface PreparedAccount {
  readonly email: string;
  readonly emailCanonical: string;
  readonly emailVerified: boolean;
  readonly profile: Profile;
  readonly hash: string | undefined;
  readonly roles: readonly RoleReference[];
}

export interface AccountMaker {
  create(input: NewAccount, by: By): Promise<Created | Taken | Faulty | Busy>;
  /** Names every fault at once; the password is hashed only when there is none. */
  prepare(input: NewAccount): Promise<{ kind: 'prepared'; account: PreparedAccount } | Faulty | Busy>;
  /** The rows, their audit events and the note. A caller whose transaction goes on after `taken` has changed nothing. */
  insert(trx: Kysely<Database>, account: PreparedAccount, by: By): Promise<Created | Taken | Faulty>;
}

export function createAccountMaker({
  db,
  clock,
  audit,
  passwords,
}: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  passwords: Passwords;
}): AccountMaker {
  async function prepare(input: NewAccount): ReturnType<AccountMaker['prepare']> {
    const { email, name, emailVerified = false, password, roles = [] } = input;
    const faults: Fault[] = [];
    const address = canonicalEmail(email);
    if (address.kind === 'refused') faults.push({ field: 'email', message: address.message });
    const judged = judgeProfile(name === undefined ? input.profile : { ...input.profile, name });
    if (judged.kind === 'faults') faults.push(...judged.faults);
    const words = [name ?? '', ...(input.passwordWords ?? [])];
    const fault = password === undefined ? undefined : await passwords.judge(password, { email, words });
    if (fault) faults.push(fault);
    if (address.kind === 'refused' || judged.kind === 'faults' || faults.length > 0) {
      return { kind: 'faults', faults };
    }
    const hashed = password === undefined ? undefined : await passwords.hash(password);
    if (hashed?.kind === 'busy') return hashed;
    const account = {
      email: address.email,
      emailCanonical: address.canonical,
      emailVerified,
      profile: judged.profile,
      hash: hashed?.value,
      roles,
    };
    return { kind: 'prepared', account };
  }

  async function insert(
    trx: Kysely<Database>,
    prepared: PreparedAccount,
    by: By,
  ): Promise<Created | Taken | Faulty> {
    const at = clock.now();
    const roles = await Promise.all(prepared.roles.map((reference) => resolveRole(trx, reference)));
    const faults = roles.flatMap((role) => (role.kind === 'fault' ? [role.fault] : []));
    if (faults.length > 0) return { kind: 'faults', faults };
    const found = roles.flatMap((role) => (role.kind === 'role' ? [role] : []));

    const passwordVersion = prepared.hash === undefined ? 0 : 1;
    const account = await insertAccount(trx, { ...prepared, passwordVersion, at });
    if (!account) return { kind: 'taken' };
    if (prepared.hash !== undefined) await insertPassword(trx, account.id, prepared.hash, at);
    for (const { audience, name } of found) {
      await insertAccountRole(trx, { accountId: account.id, audience, role: name, at });
    }
    const detail = {
      emailVerified: account.emailVerified,
      roles: found.map(({ audience, name }) => `${audience} ${name}`),
    };
    await audit.append(trx, { type: 'account.created', detail, accountId: account.id, ...by });
    await noteChange(trx, 'account', account.id);
    return { kind: 'created', account };
  }

  return {
    prepare,
    insert,
    async create(input, by) {
      const prepared = await prepare(input);
      if (prepared.kind !== 'prepared') return prepared;
      return db.transaction().execute((trx) => insert(trx, prepared.account, by));
    },
  };
}
