/** The SQL of roles, and of who holds them. */
import type { Kysely, Selectable } from 'kysely';
import type { SecondFactorPolicy } from '../config/second-factor.ts';
import type { Database } from '../storage/tables.ts';
import type { RoleRow } from '../storage/tables-accounts.ts';
import type { RoleReference } from './account.ts';
import type { Fault } from './fault.ts';

type Db = Kysely<Database>;

/** A role of one resource server, and what it allows there. */
export interface Role {
  readonly audience: string;
  readonly name: string;
  readonly description?: string | undefined;
  /** Sorted, each once. */
  readonly permissions: readonly string[];
  /** What the sign-ins of whoever holds it need besides the first factor. */
  readonly secondFactor?: SecondFactorPolicy | undefined;
  readonly createdAt: number;
}

/** A role that somebody holds, by its key. */
export interface RoleKey {
  readonly audience: string;
  readonly role: string;
}

/** The role that is meant: by name and audience, or by name alone where one resource server has it. */
export async function resolveRole(
  db: Db,
  { role, audience }: RoleReference,
): Promise<({ kind: 'role' } & Role) | { kind: 'fault'; fault: Fault }> {
  const rows = await db
    .selectFrom('roles')
    .selectAll()
    .where('name', '=', role)
    .$if(audience !== undefined, (query) => query.where('audience', '=', audience ?? ''))
    .orderBy('audience')
    .limit(20)
    .execute();
  const [row, another] = rows;
  if (row && !another) return { kind: 'role', ...roleOf(row) };
  const where = audience === undefined ? '' : ` at ${audience}`;
  const message = another
    ? `is a role of several resource servers (${rows.map((one) => one.audience).join(', ')}): say which`
    : `names no role${where}: ${role.slice(0, 100)}`;
  return { kind: 'fault', fault: { field: 'role', message } };
}

/** Undefined when the resource server has a role of that name. */
export async function insertRole(
  db: Db,
  role: Omit<Role, 'createdAt'> & { at: number },
): Promise<Role | undefined> {
  const row = await db
    .insertInto('roles')
    .values({
      audience: role.audience,
      name: role.name,
      description: role.description ?? null,
      permissions: JSON.stringify(role.permissions),
      second_factor: role.secondFactor ?? null,
      created_at: new Date(role.at),
    })
    .onConflict((conflict) => conflict.columns(['audience', 'name']).doNothing())
    .returningAll()
    .executeTakeFirst();
  return row && roleOf(row);
}

export async function listRoles(db: Db, audience?: string): Promise<readonly Role[]> {
  const rows = await db
    .selectFrom('roles')
    .selectAll()
    .$if(audience !== undefined, (query) => query.where('audience', '=', audience ?? ''))
    .orderBy('audience')
    .orderBy('name')
    .execute();
  return rows.map(roleOf);
}

export async function updatePermissions(
  db: Db,
  { audience, role }: RoleKey,
  permissions: readonly string[],
): Promise<Role | undefined> {
  const row = await db
    .updateTable('roles')
    .set({ permissions: JSON.stringify(permissions) })
    .where('audience', '=', audience)
    .where('name', '=', role)
    .returningAll()
    .executeTakeFirst();
  return row && roleOf(row);
}

export async function updateSecondFactor(
  db: Db,
  { audience, role }: RoleKey,
  policy: SecondFactorPolicy | undefined,
): Promise<Role | undefined> {
  const row = await db
    .updateTable('roles')
    .set({ second_factor: policy ?? null })
    .where('audience', '=', audience)
    .where('name', '=', role)
    .returningAll()
    .executeTakeFirst();
  return row && roleOf(row);
}

/** The grants of it go with it. */
export async function deleteRole(db: Db, { audience, role }: RoleKey): Promise<boolean> {
  const deleted = await db
    .deleteFrom('roles')
    .where('audience', '=', audience)
    .where('name', '=', role)
    .executeTakeFirst();
  return deleted.numDeletedRows > 0n;
}

/** False when it was held already. */
export async function insertAccountRole(
  db: Db,
  { accountId, audience, role, at }: RoleKey & { accountId: string; at: number },
): Promise<boolean> {
  const inserted = await db
    .insertInto('account_roles')
    .values({ account_id: accountId, audience, role, granted_at: new Date(at) })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (inserted.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function deleteAccountRole(
  db: Db,
  { accountId, audience, role }: RoleKey & { accountId: string },
): Promise<boolean> {
  const deleted = await db
    .deleteFrom('account_roles')
    .where('account_id', '=', accountId)
    .where('audience', '=', audience)
    .where('role', '=', role)
    .executeTakeFirst();
  return deleted.numDeletedRows > 0n;
}

export async function insertClientRole(
  db: Db,
  { clientId, audience, role, at }: RoleKey & { clientId: string; at: number },
): Promise<boolean> {
  const inserted = await db
    .insertInto('client_roles')
    .values({ client_id: clientId, audience, role, granted_at: new Date(at) })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (inserted.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** One role, or all of them when no key is given: for a client that is deleted. */
export async function deleteClientRoles(db: Db, clientId: string, key?: RoleKey): Promise<boolean> {
  const deleted = await db
    .deleteFrom('client_roles')
    .where('client_id', '=', clientId)
    .$if(key !== undefined, (query) =>
      query.where('audience', '=', key?.audience ?? '').where('role', '=', key?.role ?? ''),
    )
    .executeTakeFirst();
  return deleted.numDeletedRows > 0n;
}

export async function rolesOfAccount(db: Db, accountId: string): Promise<readonly RoleKey[]> {
  return db
    .selectFrom('account_roles')
    .select(['audience', 'role'])
    .where('account_id', '=', accountId)
    .orderBy('audience')
    .orderBy('role')
    .execute();
}

export async function rolesOfClient(db: Db, clientId: string): Promise<readonly RoleKey[]> {
  return db
    .selectFrom('client_roles')
    .select(['audience', 'role'])
    .where('client_id', '=', clientId)
    .orderBy('audience')
    .orderBy('role')
    .execute();
}

/** Whether anybody holds the role. */
export async function isRoleHeld(db: Db, { audience, role }: RoleKey): Promise<boolean> {
  const holder = await db
    .selectFrom('account_roles')
    .select('account_id')
    .where('audience', '=', audience)
    .where('role', '=', role)
    .limit(1)
    .executeTakeFirst();
  return holder !== undefined;
}

/**
 * Whether this account holds it and no other that may sign in does. `lock`: whoever else asks so waits until the
 * transaction ends.
 */
export async function isLastHolder(
  db: Db,
  { audience, role }: RoleKey,
  accountId: string,
  { lock = false }: { lock?: boolean } = {},
): Promise<boolean> {
  if (lock) {
    await db
      .selectFrom('roles')
      .select('name')
      .where('audience', '=', audience)
      .where('name', '=', role)
      .forUpdate()
      .execute();
  }
  const holders = await db
    .selectFrom('account_roles')
    .innerJoin('accounts', 'accounts.id', 'account_roles.account_id')
    .select((holder) => holder('account_roles.account_id', '=', accountId).as('asks'))
    .distinct()
    .where('audience', '=', audience)
    .where('role', '=', role)
    .where('status', '=', 'active')
    .limit(2)
    .execute();
  return holders.length === 1 && holders[0]?.asks === true;
}

function roleOf(row: Selectable<RoleRow>): Role {
  return {
    audience: row.audience,
    name: row.name,
    description: row.description ?? undefined,
    permissions: row.permissions,
    secondFactor: row.second_factor ?? undefined,
    createdAt: row.created_at.getTime(),
  };
}
