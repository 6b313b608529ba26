import { type Command, failed } from './command.ts';
import { busy, faultsFound } from './faults.ts';
import { done, onAccount } from './on-account.ts';
import { pageOptions, pageSize } from './pages-of-lists.ts';
import { byOperator } from './rooms-for-commands.ts';
import { sessionCommands } from './session-commands.ts';
import { textFields, textTable, textTime } from './text-table.ts';
import { showTimeline } from './timeline.ts';
import { userChanges } from './user-changes.ts';
import { wireAccount } from './wire.ts';

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
      if (made.kind === 'faults') {
        const next = made.faults.some(({ field }) => field === 'role')
          ? 'npx cardea role list shows all roles; npx cardea user grant-role takes a --resource, too'
          : undefined;
        return faultsFound('the account was not made', made.faults, next);
      }
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
      ['deleted on', found.leavingUntil === undefined ? undefined : textTime(found.leavingUntil)],
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
    ['user', 'timeline'],
    {
      summary: 'what happened to an account, newest first: sign-ins, apps, and why they were signed out',
      options: pageOptions,
    },
    (rooms, found, input) =>
      showTimeline(rooms, input, { accountId: found.id }, `npx cardea user timeline ${found.email}`),
  ),
  ...sessionCommands,
  ...userChanges,
];
