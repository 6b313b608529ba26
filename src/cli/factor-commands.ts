/** The help desk's part of second factors: what an account has, and taking it away when a phone is lost. */
import { type Command, failed } from './command.ts';
import { onAccount } from './on-account.ts';
import { byOperator } from './rooms-for-commands.ts';
import { textTable, textTime } from './text-table.ts';

const time = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString());

export const factorCommands: readonly Command[] = [
  onAccount(
    ['user', 'factors'],
    { summary: 'the authenticator apps of an account, and how many recovery codes are left' },
    async ({ factors }, found) => {
      const { authenticators, recoveryCodes } = await factors.held(found.id);
      const codes = recoveryCodes
        ? `Recovery codes left: ${recoveryCodes.left}, made ${textTime(recoveryCodes.madeAt)}\n`
        : 'No recovery codes.\n';
      return {
        kind: 'done',
        json: {
          id: found.id,
          email: found.email,
          authenticators: authenticators.map(({ id, name, addedAt, lastUsedAt }) => ({
            id,
            name,
            added_at: time(addedAt),
            last_used_at: time(lastUsedAt),
          })),
          recovery_codes: recoveryCodes
            ? { left: recoveryCodes.left, made_at: time(recoveryCodes.madeAt) }
            : null,
        },
        text:
          textTable(
            ['AUTHENTICATOR', 'ADDED', 'LAST USED', 'ID'],
            authenticators.map(({ id, name, addedAt, lastUsedAt }) => [
              name === '' ? 'Authenticator app' : name,
              textTime(addedAt),
              lastUsedAt === undefined ? '' : textTime(lastUsedAt),
              id,
            ]),
          ) + codes,
      };
    },
  ),
  onAccount(
    ['user', 'remove-factor'],
    {
      summary: 'take an authenticator app from an account, for somebody who has lost it',
      about:
        'Make sure that it is really the holder who asks. They are told by mail; recovery codes go with the last factor.',
      options: [
        { name: 'factor', kind: 'text', value: 'ID', help: 'which one, as user factors shows it' },
        { name: 'all', kind: 'flag', help: 'every one' },
      ],
      example: ' --all',
    },
    async ({ factors }, found, input) => {
      const id = input.text('factor');
      const all = input.flag('all') === true;
      if ((id === undefined) === !all) return failed('invalid', 'say either --factor ID or --all');
      const removed =
        id === undefined
          ? await factors.removeAll(found.id, byOperator)
          : Number((await factors.remove(found.id, id, byOperator)).kind === 'removed');
      if (removed === 0) {
        return failed(
          'not_found',
          'the account has no such factor',
          `npx cardea user factors ${found.email}`,
        );
      }
      return {
        kind: 'done',
        json: { id: found.id, email: found.email, removed },
        text: `Removed ${removed} authenticator ${removed === 1 ? 'app' : 'apps'} of ${found.email}.\n`,
      };
    },
  ),
];
