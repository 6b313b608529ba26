/** Runs a parsed command on rooms, whoever opened them, and turns whatever comes of it into output. */
import { StorageUnavailable } from '../storage/unavailable.ts';
import type { ParsedCommand, Values } from './arguments.ts';
import { type Failed, failed, type Input, type Outcome } from './command.ts';
import { type Output, outputOf } from './output.ts';
import type { RoomsForCommands } from './rooms-for-commands.ts';

/** What the calling process read for the command: the content of files, and a password. */
export interface Supplied {
  readonly files: Readonly<Record<string, string>>;
  readonly password?: string | undefined;
}

export async function execute(
  parsed: ParsedCommand,
  supplied: Supplied,
  rooms: RoomsForCommands,
): Promise<Output> {
  return outputOf(await outcomeOf(parsed, supplied, rooms), parsed.json);
}

async function outcomeOf(
  parsed: ParsedCommand,
  supplied: Supplied,
  rooms: RoomsForCommands,
): Promise<Outcome> {
  const { command } = parsed;
  const input = inputOf(parsed, supplied);
  try {
    if (command.needs === 'settings') return failed('usage', `${command.words.join(' ')} needs no rooms`);
    if (command.needs === 'database') return await command.run(rooms, input);
    const outcome = await command.run(rooms, input);
    // What was changed holds in this process at once; elsewhere within the lease. It is done already: a database
    // that went away since is no failure of the command.
    await rooms.lease.renew().catch(() => undefined);
    return outcome;
  } catch (error) {
    return failureOf(error);
  }
}

export function inputOf(
  { positionals, values }: { positionals: readonly string[]; values: Values },
  supplied: Supplied,
): Input {
  const texts = (name: string) => {
    const value = values.get(name);
    return Array.isArray(value) ? (value as readonly string[]) : undefined;
  };
  return {
    positionals,
    texts,
    text: (name) => texts(name)?.[0],
    flag(name) {
      const value = values.get(name);
      return typeof value === 'boolean' ? value : undefined;
    },
    file: (name) => (Object.hasOwn(supplied.files, name) ? supplied.files[name] : undefined),
    password: supplied.password,
  };
}

/** What no command expects: a store that is away, or a bug. Never with a stack, which is for logs. */
export function failureOf(error: unknown): Failed {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StorageUnavailable) {
    return failed(
      'unavailable',
      message,
      'See that the database (and Redis, where there is one) runs and answers, then try again.',
    );
  }
  return failed(
    'failed',
    message,
    'This should not happen. Run it again; if it stays, report it with this message.',
  );
}
