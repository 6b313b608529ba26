import type { Role } from '../accounts/roles.ts';
import { secondFactorPolicies } from '../config/second-factor.ts';
import { type Command, type Failed, failed, type Input, type Option } from './command.ts';
import { faultsFound } from './faults.ts';
import { byOperator, type RoomsForCommands } from './rooms-for-commands.ts';
import { clean, textFields, textTable } from './text-table.ts';
import { wireRole } from './wire.ts';

const resource: Option = {
  name: 'resource',
  kind: 'text',
  value: 'AUDIENCE',
  help: 'its resource server; needed when several have a role of this name',
};
const secondFactor: Option = {
  name: 'second-factor',
  kind: 'text',
  value: 'POLICY',
  choices: secondFactorPolicies,
  help: 'what the sign-ins of whoever holds it need besides the first factor',
};
const policyOf = (input: Input) =>
  secondFactorPolicies.find((policy) => policy === input.text('second-factor'));

const positionals = [{ name: 'ROLE', option: 'name', help: 'the name of the role' }] as const;

/** The one role that is meant. */
async function oneRole(
  { roles }: Pick<RoomsForCommands, 'roles'>,
  input: Input,
): Promise<{ kind: 'role'; role: Role } | Failed> {
  const [name = ''] = input.positionals;
  const audience = input.text('resource');
  const found = (await roles.list(audience)).filter((role) => role.name === name);
  const [role, another] = found;
  if (role && !another) return { kind: 'role', role };
  if (role) {
    const places = found.map((one) => one.audience).join(', ');
    return failed(
      'ambiguous',
      `${clean(name)} is a role of several resource servers: ${places}`,
      'say which by --resource',
    );
  }
  const where = audience === undefined ? '' : ` at ${clean(audience)}`;
  return failed(
    'not_found',
    `there is no role ${clean(name)}${where}`,
    'npx cardea role list shows them all',
  );
}

export const roleCommands: readonly Command[] = [
  {
    words: ['role', 'create'],
    summary: 'make a role of a resource server',
    about: 'Its name and permissions stand in the tokens for that resource server, and in no others.',
    options: [
      { name: 'name', kind: 'text', value: 'NAME', required: true, help: 'its name' },
      {
        name: 'resource',
        kind: 'text',
        value: 'AUDIENCE',
        required: true,
        help: "its resource server; cardea for Cardea's own administration",
      },
      { name: 'permission', kind: 'texts', value: 'P', help: 'a permission; may be given again' },
      { name: 'description', kind: 'text', value: 'TEXT', help: 'for people' },
      secondFactor,
    ],
    examples: ['role create --name clerk --resource https://api.example.com --permission orders:write'],
    needs: 'rooms',
    async run({ roles, resources, lease }, input) {
      const name = input.text('name') ?? '';
      const audience = input.text('resource') ?? '';
      await lease.renew();
      if (!(await resources.all()).some((server) => server.audience === audience)) {
        return failed(
          'not_found',
          `there is no resource server ${clean(audience)}`,
          'npx cardea resource list shows them all; npx cardea resource create makes one',
        );
      }
      const permissions = input.texts('permission') ?? [];
      const made = await roles.create(
        {
          name,
          audience,
          permissions,
          description: input.text('description'),
          secondFactor: policyOf(input),
        },
        byOperator,
      );
      if (made.kind === 'faults') return faultsFound('the role was not made', made.faults);
      if (made.kind === 'taken')
        return failed('exists', `${clean(audience)} has a role ${clean(name)} already`);
      return {
        kind: 'done',
        json: wireRole(made.role),
        text: `Made the role ${name} of ${audience}.\n`,
        next: `Give it to an account:  npx cardea user grant-role EMAIL ${name}`,
      };
    },
  },
  {
    words: ['role', 'list'],
    summary: 'all roles',
    options: [{ ...resource, help: 'only those of this resource server' }],
    examples: ['role list'],
    needs: 'rooms',
    async run({ roles }, input) {
      const found = await roles.list(input.text('resource'));
      return {
        kind: 'done',
        json: { roles: found.map(wireRole) },
        text: textTable(
          ['ROLE', 'RESOURCE', 'PERMISSIONS'],
          found.map((role) => [role.name, role.audience, role.permissions.join(' ')]),
        ),
      };
    },
  },
  {
    words: ['role', 'show'],
    summary: 'one role',
    positionals,
    options: [resource],
    examples: ['role show clerk'],
    needs: 'rooms',
    async run(rooms, input) {
      const found = await oneRole(rooms, input);
      if (found.kind === 'failed') return found;
      const { role } = found;
      const text = textFields([
        ['role', role.name],
        ['resource', role.audience],
        ['description', role.description],
        ['permissions', role.permissions],
        ['second factor', role.secondFactor],
      ]);
      return { kind: 'done', json: wireRole(role), text };
    },
  },
  {
    words: ['role', 'update'],
    summary: 'what the sign-ins of whoever holds a role need',
    about: 'Acts within a second; who is signed in below it is asked at the next app.',
    positionals,
    options: [resource, { ...secondFactor, required: true }],
    examples: ['role update administrator --resource cardea --second-factor required'],
    needs: 'rooms',
    async run(rooms, input) {
      const found = await oneRole(rooms, input);
      if (found.kind === 'failed') return found;
      const { audience, name } = found.role;
      const key = { audience, role: name };
      const outcome = await rooms.roles.setSecondFactor(key, policyOf(input), byOperator);
      if (outcome.kind === 'absent') return failed('not_found', 'the role was deleted meanwhile');
      return {
        kind: 'done',
        json: wireRole(outcome.role),
        text: `Changed the role ${name} of ${audience}.\n`,
      };
    },
  },
  {
    words: ['role', 'delete'],
    summary: 'delete a role, and take it from everybody who holds it',
    about: 'Tokens that carry it keep it until they expire.',
    positionals,
    options: [resource],
    examples: ['role delete clerk'],
    needs: 'rooms',
    async run(rooms, input) {
      const found = await oneRole(rooms, input);
      if (found.kind === 'failed') return found;
      const { audience, name } = found.role;
      // The one role that is there and is not deleted is Cardea's own.
      if (!(await rooms.roles.delete({ audience, role: name }, byOperator))) {
        return failed(
          'kept',
          `the role ${name} of ${audience} is Cardea's own and stays`,
          'npx cardea user revoke-role takes it from an account',
        );
      }
      return {
        kind: 'done',
        json: { deleted: true, name, resource: audience },
        text: `Deleted the role ${name} of ${audience}; nobody holds it any more.\n`,
      };
    },
  },
];
