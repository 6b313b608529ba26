/** Roles that clients hold, by the names on a command line. */
import type { RoleKey } from '../accounts/roles.ts';
import { type Failed, failed } from './command.ts';
import { byOperator, type RoomsForCommands } from './rooms-for-commands.ts';
import { clean } from './text-table.ts';

type Rooms = Pick<RoomsForCommands, 'roles'>;

/**
 * Every name resolved before anything is changed. A name that several resource servers have means the one at a
 * resource server that the client may ask for.
 */
export async function resolveRoles(
  { roles }: Rooms,
  names: readonly string[],
  audiences: readonly string[],
): Promise<{ kind: 'roles'; keys: readonly RoleKey[] } | Failed> {
  if (names.length === 0) return { kind: 'roles', keys: [] };
  const all = await roles.list();
  const keys: RoleKey[] = [];
  for (const name of names) {
    const named = all.filter((role) => role.name === name);
    const near = named.filter((role) => audiences.includes(role.audience));
    const [role, another] = near.length > 0 ? near : named;
    if (!role) {
      return failed('not_found', `there is no role ${clean(name)}`, 'npx cardea role list shows them all');
    }
    if (another) {
      const places = named.map((one) => one.audience).join(', ');
      return failed('ambiguous', `${clean(name)} is a role of several resource servers: ${places}`);
    }
    keys.push({ audience: role.audience, role: role.name });
  }
  return { kind: 'roles', keys };
}

/** Makes `keys` the roles of the client, no more and no fewer; also takes away what an earlier client of this id had. */
export async function setClientRoles(
  { roles }: Rooms,
  clientId: string,
  keys: readonly RoleKey[],
): Promise<void> {
  const same = (one: RoleKey, other: RoleKey) => one.audience === other.audience && one.role === other.role;
  const held = await roles.ofClient(clientId);
  for (const key of held.filter((one) => !keys.some((wanted) => same(one, wanted)))) {
    await roles.revokeFromClient(clientId, key, byOperator);
  }
  for (const key of keys.filter((one) => !held.some((had) => same(one, had)))) {
    await roles.grantToClient(clientId, key, byOperator);
  }
}
