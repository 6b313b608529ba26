/** From the words of a command line to a command of the table and its input, or to the one thing that is wrong. */
import { parseArgs } from 'node:util';
import { suggest } from '../config/suggest.ts';
import type { Command, Option } from './command.ts';
import { clean } from './text-table.ts';

/** What every command takes. */
export const globalOptions: readonly Option[] = [
  { name: 'json', kind: 'flag', help: 'one JSON document on standard output, and nothing else there' },
  {
    name: 'config',
    kind: 'text',
    value: 'FILE',
    help: 'a file of settings, NAME=value; the environment wins',
  },
  { name: 'help', kind: 'flag', help: 'this text' },
];

export const passwordOptions: readonly Option[] = [
  { name: 'password-stdin', kind: 'flag', help: 'read the password from standard input' },
  { name: 'password-file', kind: 'text', value: 'FILE', help: 'read the password from a file' },
];

export const clientSecretOptions: readonly Option[] = [
  { name: 'client-secret-stdin', kind: 'flag', help: 'read the client secret from standard input' },
  { name: 'client-secret-file', kind: 'text', value: 'FILE', help: 'read the client secret from a file' },
];

/** Values by option name: texts in the order given, true or false for flags. */
export type Values = ReadonlyMap<string, readonly string[] | boolean>;

export interface ParsedCommand {
  readonly kind: 'command';
  readonly command: Command;
  readonly positionals: readonly string[];
  readonly values: Values;
  readonly json: boolean;
  readonly configFile: string | undefined;
}

export type Parsed =
  | ParsedCommand
  | { readonly kind: 'help'; readonly words: readonly string[]; readonly json: boolean }
  | { readonly kind: 'version'; readonly json: boolean }
  | {
      readonly kind: 'usage';
      readonly message: string;
      /** As far as the words were understood. */
      readonly words: readonly string[];
      readonly json: boolean;
    };

// An argument is seen by everybody on the machine (ps), and stays in the shell's history.
const secretNames = /^(?:password|passwd|pwd|secret|client-secret|master-key)$/;

export const optionsOf = (command: Command): readonly Option[] => [
  ...(command.options ?? []),
  ...(command.needs === 'rooms' && command.setsPassword ? passwordOptions : []),
  ...(command.needs === 'rooms' && command.takesClientSecret ? clientSecretOptions : []),
  ...(command.positionals ?? []).flatMap((one): Option[] =>
    one.option === undefined || command.options?.some((option) => option.name === one.option)
      ? []
      : [{ name: one.option, kind: 'text', value: one.name, help: `the same as ${one.name}` }],
  ),
  ...globalOptions,
];

/** Never says a value back: it may be a secret in the wrong place. */
export function parseCommandLine(argv: readonly string[], table: readonly Command[]): Parsed {
  const everything = [...globalOptions, ...table.flatMap(optionsOf)];
  const { tokens, values: flags } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    allowNegative: true,
    options: {
      ...Object.fromEntries(
        everything.map(({ name, kind }) => [name, { type: kind === 'flag' ? 'boolean' : 'string' } as const]),
      ),
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'V' },
    },
  });
  const json = flags.json === true;
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const asksHelp = words[0] === 'help' || flags.help === true;
  const asked = words[0] === 'help' ? words.slice(1) : words;
  const command = findCommand(asked, table);
  const wrong = (message: string, at: readonly string[] = command?.words ?? []): Parsed => ({
    kind: 'usage',
    message,
    words: at,
    json,
  });

  if (flags.version === true && !command) return { kind: 'version', json };
  if (!command) {
    const group = table.filter((one) => one.words[0] === asked[0]);
    if (asksHelp && (asked.length === 0 || group.length > 0)) {
      return { kind: 'help', words: asked.slice(0, 1), json };
    }
    return wrong(unknownCommand(asked, table), group.length > 0 ? asked.slice(0, 1) : []);
  }
  if (asksHelp) return { kind: 'help', words: command.words, json };

  const known = optionsOf(command);
  const values = new Map<string, readonly string[] | boolean>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    // parseArgs names what is negated, without the no-.
    const negated = token.rawName.startsWith('--no-');
    const option = known.find(({ name, kind }) => name === token.name && (kind === 'flag' || !negated));
    if (!option) return wrong(unknownOption(token.rawName, token.name, known));
    const { name, kind } = option;
    const before = values.get(name);
    if (before !== undefined && kind !== 'texts') return wrong(`--${name} is given twice`);
    if (kind === 'flag') {
      if (token.value !== undefined) return wrong(`--${name} takes no value`);
      values.set(name, !negated);
      continue;
    }
    const { value } = token;
    if (value === undefined) return wrong(`--${name} needs a value: --${name} ${option.value ?? 'VALUE'}`);
    if (!token.inlineValue && /^-./.test(value)) {
      return wrong(`--${name} needs a value; one that begins with a dash is given as --${name}=VALUE`);
    }
    values.set(name, Array.isArray(before) ? [...before, value] : [value]);
  }

  const positionals = asked.slice(command.words.length);
  const fault = placePositionals(command, positionals, values) ?? missing(known, values);
  if (fault) return wrong(fault);
  const configFile = firstText(values, 'config');
  return { kind: 'command', command, positionals, values, json, configFile };
}

/** Fills in what was said by option, and says what is missing or too much. */
function placePositionals(command: Command, given: string[], values: Values): string | undefined {
  const wanted = command.positionals ?? [];
  for (const [place, { name, option, optional }] of wanted.entries()) {
    const byOption = option === undefined ? undefined : firstText(values, option);
    if (byOption !== undefined && command.options?.every((one) => one.name !== option) !== false) {
      given.splice(place, 0, byOption);
    } else if (given.length <= place && !optional) return `${name} is missing`;
  }
  if (given.length <= wanted.length) return undefined;
  return wanted.length === 0
    ? 'takes no further words, only options'
    : `takes ${wanted.map((one) => one.name).join(' ')} and no further words`;
}

function missing(options: readonly Option[], values: Values): string | undefined {
  const absent = options.filter((option) => option.required && !values.has(option.name));
  if (absent.length === 0) return undefined;
  return `needs ${absent.map(({ name, value }) => `--${name} ${value ?? ''}`.trim()).join(', ')}`;
}

function firstText(values: Values, name: string): string | undefined {
  const value = values.get(name);
  return Array.isArray(value) ? value[0] : undefined;
}

function findCommand(words: readonly string[], table: readonly Command[]): Command | undefined {
  return table
    .filter((command) => command.words.every((word, place) => words[place] === word))
    .sort((one, other) => other.words.length - one.words.length)[0];
}

function unknownCommand(words: readonly string[], table: readonly Command[]): string {
  const [first, second] = words;
  if (first === undefined) return 'which command?';
  const group = table.filter((one) => one.words[0] === first);
  if (group.length === 0) {
    const meant = suggest(first, [...new Set(table.map((one) => one.words[0] ?? ''))]);
    return `there is no command ${clean(first)}${meant ? `; did you mean ${meant}?` : ''}`;
  }
  if (second === undefined) return `which ${first} command?`;
  const meant = suggest(
    second,
    group.map((one) => one.words[1] ?? ''),
  );
  return `there is no command ${first} ${clean(second)}${meant ? `; did you mean ${first} ${meant}?` : ''}`;
}

function unknownOption(raw: string, name: string, known: readonly Option[]): string {
  if (secretNames.test(name)) {
    const way = known.some((option) => option.name === 'password-stdin')
      ? 'use --password-stdin or --password-file FILE'
      : known.some((option) => option.name === 'client-secret-stdin')
        ? 'use --client-secret-stdin or --client-secret-file FILE'
        : 'this command takes none';
    return `${raw} is refused: an argument can be read by everybody on this machine and stays in the shell's history; ${way}`;
  }
  const meant = suggest(
    name,
    known.map((option) => option.name),
  );
  return `there is no option ${clean(raw)}${meant ? `; did you mean --${meant}?` : ''}`;
}
