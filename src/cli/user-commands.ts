import type { Account } from '../accounts/account.ts';
import type { Changed } from '../accounts/accounts.ts';
import { type Command, type Failed, failed, type Input, type Option, type Outcome } from './command.ts';
import { busy, faultsFound } from './faults.ts';
import { pageOptions, pageSize } from './pages-of-lists.ts';
import { byOperator, type RoomsForCommands } from './rooms-for-commands.ts';
import { clean, textFields, textTable, textTime } from './text-table.ts';
import { wireAccount } from './wire.ts';

const account = { name: 'ACCOUNT', option: 'email', help: 'its e-mail address or its id' } as const;
const roleOptions: readonly Option[] = [
  { name: 'role', kind: 'text', value: 'ROLE', help: 'the same as ROLE' },
  {
    name: 'resource',
    kind: 'text',
    value: 'AUDIENCE',
    help: 'its resource server; needed when several have a role of this name',
  },
];

type Rooms = RoomsForCommands;

/** By address when it looks like one, else by id. */
async function oneAccount(
  { accounts }: Pick<Rooms, 'accounts'>,
  given: string,
): Promise<Account | undefined> {
  return given.includes('@') ? accounts.findByEmail(given) : accounts.find(given);
}

const noAccount = (given: string): Failed =>
  failed('not_found', `there is no account ${clean(given)}`, 'npx cardea user list shows them all');

async function done(rooms: Rooms, account: Account, text: string, next?: string): Promise<Outcome> {
  const json = wireAccount(account, await rooms.roles.ofAccount(account.id));
  return { kind: 'done', json, text, ...(next !== undefined && { next }) };
}

/** A command on one account: finds it, runs, and says so when it is gone meanwhile. */
function onAccount(
  words: readonly [string, string],
  parts: Pick<Command, 'summary' | 'about' | 'options' | 'positionals'> & {
    setsPassword?: boolean;
    example?: string;
  },
  act: (rooms: Rooms, found: Account, input: Input) => Promise<Outcome>,
): Command {
  const { example = '', ...rest } = parts;
  return {
    words,
    positionals: [account],
    examples: [`${words.join(' ')} ada@example.com${example}`],
    needs: 'rooms',
    ...rest,
    async run(rooms, input) {
      const [given = ''] = input.positionals;
      const found = await oneAccount(rooms, given);
      return found ? act(rooms, found, input) : noAccount(given);
    },
  };
}

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
  const did = kind === 'grant' ? 'has' : 'does not have';
  const since = outcome.changed ? 'now' : 'already';
  return done(
    rooms,
    found,
    `${found.email} ${did} ${what} ${outcome.changed && kind === 'revoke' ? 'any more' : since}.\n`,
  );
}

const rolePositionals = [account, { name: 'ROLE', option: 'role', help: 'the name of the role' }] as const;

export const userCommands: readonly Command[] = [
  {
    words: ['user', 'create'],
    summary: 'make an account',
    setsPassword: true,
    options: [
      { name: 'email', kind: 'text', value: 'EMAIL', required: true, help: 'its address' },
      { name: 'name', kind: 'text', value: 'NAME', help: 'the name of the person' },
      { name: 'role', kind: 'texts', value: 'ROLE', help: 'a role that it has; may be given again' },
      { name: 'verified', kind: 'flag', help: 'the address is known to be theirs' },
    ],
    examples: [
      'user create --email ada@example.com --name "Ada Lovelace" --verified',
      'user create --email root@example.com --role administrator --password-stdin < password.txt',
    ],
    needs: 'rooms',
    async run(rooms, input) {
      const made = await rooms.accounts.create(
        {
          email: input.text('email') ?? '',
          name: input.text('name'),
          emailVerified: input.flag('verified') === true,
          password: input.password,
          roles: (input.texts('role') ?? []).map((role) => ({ role })),
        },
        byOperator,
      );
      if (made.kind === 'faults') return faultsFound('the account was not made', made.faults);
      if (made.kind === 'taken') {
        return failed('exists', 'an account has this address already', 'npx cardea user show EMAIL shows it');
      }
      if (made.kind === 'busy') return busy(made.retryAfterSeconds);
      return done(rooms, made.account, `Made the account ${made.account.email} (${made.account.id}).\n`);
    },
  },
  {
    words: ['user', 'list'],
    summary: 'accounts, oldest first',
    options: pageOptions,
    examples: ['user list', 'user list --json --limit 200'],
    needs: 'rooms',
    async run({ accounts, roles }, input) {
      const size = pageSize(input);
      if (typeof size !== 'number') return size;
      const page = await accounts.list({ after: input.text('after'), limit: size });
      if (!page) return failed('invalid', '--after is not the next of an earlier page');
      const held = await Promise.all(page.accounts.map(({ id }) => roles.ofAccount(id)));
      return {
        kind: 'done',
        json: {
          accounts: page.accounts.map((one, place) => wireAccount(one, held[place] ?? [])),
          ...(page.next !== undefined && { next: page.next }),
        },
        text: textTable(
          ['E-MAIL', 'NAME', 'STATUS', 'ROLES', 'ID'],
          page.accounts.map((one, place) => [
            one.email,
            one.profile.name ?? '',
            one.status,
            (held[place] ?? []).map(({ role }) => role).join(' '),
            one.id,
          ]),
        ),
        ...(page.next !== undefined && { next: `More:  npx cardea user list --after ${page.next}` }),
      };
    },
  },
  onAccount(['user', 'show'], { summary: 'one account, its roles and consents' }, async (rooms, found) => {
    const held = await rooms.roles.ofAccount(found.id);
    const consents = await rooms.consents.list(found.id);
    const text = textFields([
      ['e-mail', `${found.email}${found.emailVerified ? ' (verified)' : ' (not verified)'}`],
      ['id', found.id],
      ['name', found.profile.name],
      ['status', found.status],
      ['roles', held.map(({ role, audience }) => `${role} (${audience})`)],
      ['consents', consents.map((one) => `${one.clientId}: ${one.scopes.join(' ')}`)],
      ['created', textTime(found.createdAt)],
    ]);
    const json = {
      ...wireAccount(found, held),
      consents: consents.map((one) => ({
        client_id: one.clientId,
        scope: one.scopes.join(' '),
        claims: one.claims,
        resources: one.resources,
        granted_at: new Date(one.grantedAt).toISOString(),
      })),
    };
    return { kind: 'done', json, text };
  }),
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
      options: roleOptions.slice(1),
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
      options: roleOptions.slice(1),
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
