/**
 * Roles: named sets of permissions at one resource server (its audience), held by accounts and by service clients. A
 * token carries those of its own audience only (standing.ts). Cardea's own administration is the audience `cardea`.
 */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { SecondFactorPolicy } from '../config/second-factor.ts';
import { noteChange } from '../storage/changes.ts';
import type { Database } from '../storage/tables.ts';
import type { By, RoleReference } from './account.ts';
import { findAccount } from './account-store.ts';
import type { Fault, Faulty } from './fault.ts';
import {
  deleteAccountRole,
  deleteClientRoles,
  deleteRole,
  insertAccountRole,
  insertClientRole,
  insertRole,
  isRoleHeld,
  listRoles,
  type Role,
  type RoleKey,
  resolveRole,
  rolesOfAccount,
  rolesOfClient,
  updatePermissions,
  updateSecondFactor,
} from './role-store.ts';

export type { Role, RoleKey } from './role-store.ts';

/** The audience of Cardea's own administration, and the role that may do everything there. */
export const ADMINISTRATOR: RoleKey = { audience: 'cardea', role: 'administrator' };

/** `changed: false`: it was so already. */
export type RoleOutcome =
  | { readonly kind: 'granted' | 'revoked'; readonly changed: boolean; readonly role: RoleKey }
  | { readonly kind: 'absent' }
  | Faulty;

export interface Roles {
  create(
    input: {
      audience: string;
      name: string;
      permissions?: readonly string[];
      description?: string | undefined;
      secondFactor?: SecondFactorPolicy | undefined;
    },
    by: By,
  ): Promise<{ kind: 'created'; role: Role } | { kind: 'taken' } | Faulty>;
  list(audience?: string): Promise<readonly Role[]>;
  setPermissions(
    key: RoleKey,
    permissions: readonly string[],
    by: By,
  ): Promise<{ kind: 'changed'; role: Role } | { kind: 'absent' } | Faulty>;
  /** What the sign-ins of whoever holds it need besides the first factor; undefined: nothing. */
  setSecondFactor(
    key: RoleKey,
    policy: SecondFactorPolicy | undefined,
    by: By,
  ): Promise<{ kind: 'changed'; role: Role } | { kind: 'absent' }>;
  /** Takes it from everybody who holds it. False when there was none; the administrator role stays. */
  delete(key: RoleKey, by: By): Promise<boolean>;
  /** `absent`: no such account. */
  grant(accountId: string, reference: RoleReference, by: By): Promise<RoleOutcome>;
  revoke(accountId: string, reference: RoleReference, by: By): Promise<RoleOutcome>;
  /** The caller knows that the client exists: clients are another room's. */
  grantToClient(clientId: string, reference: RoleReference, by: By): Promise<RoleOutcome>;
  revokeFromClient(clientId: string, reference: RoleReference, by: By): Promise<RoleOutcome>;
  /** For the transaction that deletes a client. */
  forgetClient(trx: Kysely<Database>, clientId: string): Promise<void>;
  ofAccount(accountId: string): Promise<readonly RoleKey[]>;
  ofClient(clientId: string): Promise<readonly RoleKey[]>;
  /** Whether anybody holds it, such as ADMINISTRATOR. */
  isHeld(key: RoleKey): Promise<boolean>;
}

export function createRoles({
  db,
  clock,
  audit,
}: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
}): Roles {
  type Holder = { readonly accountId: string } | { readonly clientId: string };
  type Step = 'granted' | 'revoked';

  /** Grants and revokes are one transaction: role, row, audit event, note. */
  async function step(kind: Step, holder: Holder, reference: RoleReference, by: By): Promise<RoleOutcome> {
    return db.transaction().execute(async (trx) => {
      if ('accountId' in holder && !(await findAccount(trx, holder.accountId))) return { kind: 'absent' };
      const found = await resolveRole(trx, reference);
      if (found.kind === 'fault') return { kind: 'faults', faults: [found.fault] };
      const key: RoleKey = { audience: found.audience, role: found.name };
      const changed = await write(trx, kind, holder, key);
      if (changed) {
        await audit.append(trx, { type: `role.${kind}`, detail: key, ...holder, ...by });
        if ('accountId' in holder) await noteChange(trx, 'account', holder.accountId);
        else await noteChange(trx, 'client', holder.clientId);
      }
      return { kind, changed, role: key };
    });
  }

  async function write(trx: Kysely<Database>, kind: Step, holder: Holder, key: RoleKey): Promise<boolean> {
    const at = clock.now();
    if ('accountId' in holder) {
      return kind === 'granted'
        ? insertAccountRole(trx, { ...key, ...holder, at })
        : deleteAccountRole(trx, { ...key, ...holder });
    }
    return kind === 'granted'
      ? insertClientRole(trx, { ...key, ...holder, at })
      : deleteClientRoles(trx, holder.clientId, key);
  }

  return {
    async create({ audience, name, permissions = [], description, secondFactor }, by) {
      const faults = [...judgeRole({ audience, name, description }), ...judgePermissions(permissions)];
      if (faults.length > 0) return { kind: 'faults', faults };
      return db.transaction().execute(async (trx) => {
        const what = { description, permissions: sorted(permissions), secondFactor };
        const values = { audience, name, ...what, at: clock.now() };
        const role = await insertRole(trx, values);
        if (!role) return { kind: 'taken' };
        const detail = { role: name, audience, permissions: role.permissions, ...demand(role) };
        await audit.append(trx, { type: 'role.created', detail, ...by });
        await noteChange(trx, 'role', audience);
        return { kind: 'created', role };
      });
    },
    list: (audience) => listRoles(db, audience),
    async setPermissions(key, permissions, by) {
      const faults = judgePermissions(permissions);
      if (faults.length > 0) return { kind: 'faults', faults };
      return db.transaction().execute(async (trx) => {
        const role = await updatePermissions(trx, key, sorted(permissions));
        if (!role) return { kind: 'absent' };
        const { name, audience } = role;
        const detail = { role: name, audience, permissions: role.permissions, ...demand(role) };
        await audit.append(trx, { type: 'role.updated', detail, ...by });
        await noteChange(trx, 'role', key.audience);
        return { kind: 'changed', role };
      });
    },
    setSecondFactor: (key, policy, by) =>
      db.transaction().execute(async (trx) => {
        const role = await updateSecondFactor(trx, key, policy);
        if (!role) return { kind: 'absent' };
        const { name, audience, permissions } = role;
        const detail = { role: name, audience, permissions, ...demand(role) };
        await audit.append(trx, { type: 'role.updated', detail, ...by });
        await noteChange(trx, 'role', audience);
        return { kind: 'changed', role };
      }),
    delete: ({ audience, role }, by) =>
      db.transaction().execute(async (trx) => {
        if (audience === ADMINISTRATOR.audience && role === ADMINISTRATOR.role) return false;
        if (!(await deleteRole(trx, { audience, role }))) return false;
        await audit.append(trx, { type: 'role.deleted', detail: { role, audience }, ...by });
        // Who held it still has it in the caches' lists, and finds no such role under its audience any more.
        await noteChange(trx, 'role', audience);
        return true;
      }),
    grant: (accountId, reference, by) => step('granted', { accountId }, reference, by),
    revoke: (accountId, reference, by) => step('revoked', { accountId }, reference, by),
    grantToClient: (clientId, reference, by) => step('granted', { clientId }, reference, by),
    revokeFromClient: (clientId, reference, by) => step('revoked', { clientId }, reference, by),
    async forgetClient(trx, clientId) {
      await deleteClientRoles(trx, clientId);
    },
    ofAccount: (accountId) => rolesOfAccount(db, accountId),
    ofClient: (clientId) => rolesOfClient(db, clientId),
    isHeld: (key) => isRoleHeld(db, key),
  };
}

function demand({ secondFactor }: Role): { secondFactor?: SecondFactorPolicy } {
  return secondFactor ? { secondFactor } : {};
}

/** A name stands in tokens, on command lines and in `--role`: short, plain, no spaces. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
/** Like a scope (RFC 6749 section 3.3): printable ASCII without space, quote and backslash. */
const PERMISSION = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/;
/** All of them stand in every token of that audience: 100 of 100 bytes are already 10 kB. */
const MAX_PERMISSIONS = 100;

function judgeRole(role: { audience: string; name: string; description?: string | undefined }): Fault[] {
  const faults: Fault[] = [];
  if (!NAME.test(role.name)) {
    faults.push({ field: 'name', message: 'must be 1 to 64 letters, digits, dots, colons or dashes' });
  }
  if (!/^[\x21-\x7e]{1,500}$/.test(role.audience)) {
    faults.push({ field: 'audience', message: 'must be the audience of a resource server' });
  }
  if (role.description !== undefined && !/^\P{Cc}{1,200}$/u.test(role.description)) {
    faults.push({ field: 'description', message: 'must be one line of at most 200 characters' });
  }
  return faults;
}

function judgePermissions(permissions: readonly string[]): Fault[] {
  const wrong = permissions.filter((permission) => !PERMISSION.test(permission));
  if (permissions.length > MAX_PERMISSIONS) {
    return [{ field: 'permissions', message: `must be at most ${MAX_PERMISSIONS}` }];
  }
  return wrong.map((permission) => ({
    field: 'permissions',
    message: `must be printable ASCII without spaces: ${JSON.stringify(permission.slice(0, 100))}`,
  }));
}

function sorted(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
