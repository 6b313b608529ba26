/**
 * What a command is: its words, what may follow them, and what it does with the rooms. The table (commands.ts) is the
 * only source of parsing, of help and of what runs; a command is the same whether this process or a server runs it.
 *
 * Owned by this room: parsing, help, reading secrets, output, the local socket. Not owned: every rule about accounts,
 * clients and keys, which stays in their rooms.
 */
import type { Settings } from '../config/settings.ts';
import type { DatabaseForCommands, RoomsForCommands } from './rooms-for-commands.ts';

/** `flag` takes no value, `text` one, `texts` one each time, `file` a path whose content the command gets. */
export type OptionKind = 'flag' | 'text' | 'texts' | 'file';

export interface Option {
  readonly name: string;
  readonly kind: OptionKind;
  /** How help calls the value: `EMAIL`. Absent for flags. */
  readonly value?: string;
  readonly required?: boolean;
  /** The values that help names; the rooms judge them. */
  readonly choices?: readonly string[];
  readonly help: string;
}

/** A word after the command's own, in its place. */
export interface Positional {
  readonly name: string;
  /** The option by which the same may be said: `client show --id shop`. */
  readonly option?: string;
  readonly optional?: boolean;
  readonly help: string;
}

/** What was given, read and judged by the table; files and passwords as their content. */
export interface Input {
  readonly positionals: readonly string[];
  text(option: string): string | undefined;
  texts(option: string): readonly string[] | undefined;
  /** False when it was given as `--no-…`. */
  flag(option: string): boolean | undefined;
  /** The content of a file option. */
  file(option: string): string | undefined;
  /** Or the client secret, of a command that takes one. */
  readonly password: string | undefined;
}

export type Outcome =
  | {
      readonly kind: 'done';
      /** The one document of `--json`, under wire names. */
      readonly json: unknown;
      /** The same for people. */
      readonly text: string;
      /** What may be a mistake; to standard error, in both forms. */
      readonly warnings?: readonly string[];
      /** What to do next; to standard error, for people only. */
      readonly next?: string;
    }
  | Failed;

export interface Failed {
  readonly kind: 'failed';
  /** One word for scripts: `not_found`, `exists`, `invalid`, `unavailable` … */
  readonly error: string;
  /** What failed and why. */
  readonly message: string;
  /** What to do next. */
  readonly next?: string;
  /** 1 when absent; 2 when the command line itself was wrong. */
  readonly exit?: 1 | 2;
}

interface Base {
  readonly words: readonly string[];
  readonly summary: string;
  /** What else one should know: what it ends, what it needs. */
  readonly about?: string;
  readonly positionals?: readonly Positional[];
  readonly options?: readonly Option[];
  readonly examples: readonly string[];
}

/** By what it needs: help and wrong usage open nothing, and `config check` opens no database. */
export type Command =
  | (Base & {
      readonly needs: 'rooms';
      /** It sets a password, read from standard input, a file or a prompt. */
      readonly setsPassword?: boolean;
      /** It takes a client secret of somebody else's, read from standard input or a file when it is given. */
      readonly takesClientSecret?: boolean;
      run(rooms: RoomsForCommands, input: Input): Promise<Outcome>;
    })
  | (Base & {
      readonly needs: 'database';
      run(database: DatabaseForCommands, input: Input): Promise<Outcome>;
    })
  | (Base & {
      readonly needs: 'settings';
      run(
        settings: Settings,
        input: Input,
      ): Promise<Outcome | { readonly kind: 'exit'; readonly exit: number }>;
    });

export const failed = (error: string, message: string, next?: string): Failed => ({
  kind: 'failed',
  error,
  message,
  ...(next !== undefined && { next }),
});
