/** The commands that change an account that is there. */
import type { Account } from '../accounts/account.ts';
import type { Changed } from '../accounts/accounts.ts';
import { secondFactorPolicies } from '../config/second-factor.ts';
import { type Command, failed, type Input, type Option, type Outcome } from './command.ts';
import { busy, faultsFound } from './faults.ts';
import { account, done, noAccount, onAccount } from './on-account.ts';
import { byOperator, type RoomsForCommands } from './rooms-for-commands.ts';

type Rooms = RoomsForCommands;

const resource: Option = {
  name: 'resource',
  kind: 'text',
  value: 'AUDIENCE',
  help: 'its resource server; needed when several have a role of this name',
};

async function changed(rooms: Rooms, outcome: Changed, text: (email: string) => string): Promise<Outcome> {
  if (outcome.kind === 'absent') return failed('not_found', 'the account was deleted meanwhile');
  return done(rooms, outcome.account, text(outcome.account.email));
}

async function changeRole(
  kind: 'grant' | 'revoke',
  rooms: Rooms,
  found: Account,
  input: Input,
): Promise<Outcome> {
  const role = input.positionals[1] ?? '';
  const outcome = await rooms.roles[kind](found.id, { role, audience: input.text('resource') }, byOperator);
  if (outcome.kind === 'absent') return failed('not_found', 'the account was deleted meanwhile');
  if (outcome.kind === 'faults') {
    return faultsFound('nothing was changed', outcome.faults, 'npx cardea role list shows all roles');
  }
  const what = `the role ${outcome.role.role} of ${outcome.role.audience}`;
  const { changed } = outcome;
  const verb = kind === 'grant' ? (changed ? 'now has' : 'had') : changed ? 'no longer has' : 'did not have';
  const already = kind === 'grant' && !changed ? ' already' : '';
  return done(rooms, found, `${found.email} ${verb} ${what}${already}.\n`);
}

const rolePositionals = [account, { name: 'ROLE', option: 'role', help: 'the name of the role' }] as const;

export const userChanges: readonly Command[] = [
  onAccount(
    ['user', 'set-password'],
    {
      summary: 'set a new password',
      about: 'Ends every session of the account and every token that was issued for it.',
      setsPassword: true,
      example: ' --password-stdin < password.txt',
    },
    async (rooms, found, input) => {
      const outcome = await rooms.accounts.setPassword(found.id, input.password ?? '', byOperator);
      if (outcome.kind === 'faults') return faultsFound('the password was not set', outcome.faults);
      if (outcome.kind === 'busy') return busy(outcome.retryAfterSeconds);
      return changed(
        rooms,
        outcome,
        (email) => `Set the password of ${email}. Its sessions and tokens have ended.\n`,
      );
    },
  ),
  onAccount(
    ['user', 'disable'],
    {
      summary: 'stop an account from signing in',
      about: 'Ends every session of the account and every token that was issued for it.',
      options: [{ name: 'reason', kind: 'text', value: 'TEXT', help: 'for the audit' }],
    },
    async (rooms, found, input) =>
      changed(
        rooms,
        await rooms.accounts.disable(found.id, byOperator, input.text('reason')),
        (email) => `Disabled ${email}. Its sessions and tokens have ended.\n`,
      ),
  ),
  onAccount(
    ['user', 'second-factor'],
    {
      summary: 'what the sign-ins of an account need besides the first factor',
      about:
        'The strictest of setting, client, roles and account counts. It removes no factor, and adds none.',
      options: [
        {
          name: 'policy',
          kind: 'text',
          value: 'POLICY',
          required: true,
          choices: [...secondFactorPolicies, 'default'],
          help: 'default: the account itself says nothing',
        },
      ],
      example: ' --policy required',
    },
    async (rooms, found, input) => {
      const policy = secondFactorPolicies.find((one) => one === input.text('policy'));
      return changed(
        rooms,
        await rooms.accounts.setSecondFactor(found.id, policy, byOperator),
        (email) => `The sign-ins of ${email} ${policy ? `need: ${policy}` : 'need what other rules say'}.\n`,
      );
    },
  ),
  onAccount(
    ['user', 'enable'],
    { summary: 'let an account sign in again', about: 'What has ended stays ended.' },
    async (rooms, found) =>
      changed(rooms, await rooms.accounts.enable(found.id, byOperator), (email) => `Enabled ${email}.\n`),
  ),
  onAccount(
    ['user', 'unlock'],
    { summary: 'open an account that wrong passwords have locked', about: 'A lock opens by itself, too.' },
    async (rooms, found) => {
      await rooms.throttle.unlock(found.emailCanonical);
      await rooms.audit.append(rooms.database.db, {
        type: 'account.unlocked',
        detail: {},
        accountId: found.id,
        ...byOperator,
      });
      return done(rooms, found, `Unlocked ${found.email}: sign-ins are counted afresh.\n`);
    },
  ),
  onAccount(
    ['user', 'grant-role'],
    {
      summary: 'give an account a role',
      positionals: rolePositionals,
      options: [resource],
      example: ' clerk',
    },
    (rooms, found, input) => changeRole('grant', rooms, found, input),
  ),
  onAccount(
    ['user', 'revoke-role'],
    {
      summary: 'take a role from an account',
      about: 'Tokens that carry it keep it until they expire.',
      positionals: rolePositionals,
      options: [resource],
      example: ' clerk',
    },
    (rooms, found, input) => changeRole('revoke', rooms, found, input),
  ),
  onAccount(
    ['user', 'delete'],
    {
      summary: 'delete an account for good',
      about:
        'Ends its sessions and tokens; its password, roles and consents go with it. Its id is never used again.',
    },
    async (rooms, found) => {
      if (!(await rooms.accounts.delete(found.id, byOperator))) return noAccount(found.email);
      return {
        kind: 'done',
        json: { deleted: true, id: found.id, email: found.email },
        text: `Deleted ${found.email}. Its sessions, tokens, roles and consents have ended.\n`,
      };
    },
  ),
];
