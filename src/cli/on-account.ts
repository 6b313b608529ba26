/** What the commands on one account share: finding it by address or id, and telling how it is afterwards. */
import type { Account } from '../accounts/account.ts';
import { type Command, type Failed, failed, type Input, type Outcome } from './command.ts';
import type { RoomsForCommands } from './rooms-for-commands.ts';
import { clean } from './text-table.ts';
import { wireAccount } from './wire.ts';

export const account = { name: 'ACCOUNT', option: 'email', help: 'its e-mail address or its id' } as const;

type Rooms = RoomsForCommands;

/** By address when it looks like one, else by id. */
async function oneAccount(
  { accounts }: Pick<Rooms, 'accounts'>,
  given: string,
): Promise<Account | undefined> {
  return given.includes('@') ? accounts.findByEmail(given) : accounts.find(given);
}

export const noAccount = (given: string): Failed =>
  failed('not_found', `there is no account ${clean(given)}`, 'npx cardea user list shows them all');

export async function done(rooms: Rooms, account: Account, text: string, next?: string): Promise<Outcome> {
  const json = wireAccount(account, await rooms.roles.ofAccount(account.id));
  return { kind: 'done', json, text, ...(next !== undefined && { next }) };
}

/** A command on one account: finds it, runs, and says so when it is gone meanwhile. */
export function onAccount(
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
