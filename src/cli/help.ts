/** Help, from the table. */
import { optionsOf } from './arguments.ts';
import type { Command, Option } from './command.ts';

/** `words`: a command, a group such as `user`, or none for everything. */
export function helpFor(words: readonly string[], table: readonly Command[]): string {
  const command = table.find((one) => words.length > 0 && one.words.join(' ') === words.join(' '));
  if (command) return helpOfCommand(command);
  const shown = words.length === 0 ? table : table.filter((one) => one.words[0] === words[0]);
  const title = words.length === 0 ? 'Cardea, an OAuth 2 and OpenID Connect provider.\n\n' : '';
  const rows = shown.map((one) => [one.words.join(' '), one.summary] as const);
  return [
    `${title}Usage: npx cardea ${[...words, 'COMMAND'].join(' ')} [OPTIONS]\n`,
    columns(rows),
    `\nEvery command takes --json, --config FILE and --help. Settings: docs/configuration.md\n`,
  ].join('\n');
}

/** The one line that wrong usage shows. */
export function usageOf(command: Command): string {
  const positionals = (command.positionals ?? []).map(({ name, optional }) =>
    optional ? `[${name}]` : name,
  );
  const required = optionsOf(command).filter((option) => option.required);
  const options = required.map((option) => `${nameOf(option)}${option.kind === 'texts' ? '…' : ''}`);
  return ['Usage: npx cardea', ...command.words, ...positionals, ...options, '[OPTIONS]'].join(' ');
}

function helpOfCommand(command: Command): string {
  const positionals = (command.positionals ?? []).map(({ name, help }) => [name, help] as const);
  const options = optionsOf(command).map((option) => [nameOf(option), describe(option)] as const);
  return [
    `${usageOf(command)}\n`,
    `${sentence(command.summary)}${command.about ? ` ${command.about}` : ''}\n`,
    ...(positionals.length > 0 ? [`${columns(positionals)}\n`] : []),
    `Options:\n${columns(options)}\n`,
    `Examples:\n${command.examples.map((example) => `  npx cardea ${example}`).join('\n')}\n`,
  ].join('\n');
}

function nameOf({ name, value }: Option): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

function describe({ help, choices, kind, required }: Option): string {
  const list = choices ? ` (${choices.join(', ')})` : '';
  return `${help}${list}${kind === 'texts' && !help.includes('again') ? '; may be given again' : ''}${required ? '; required' : ''}`;
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(36, Math.max(...rows.map(([name]) => name.length)));
  return rows
    .map(([name, text]) =>
      name.length > width ? `  ${name}\n  ${' '.repeat(width)}  ${text}` : `  ${name.padEnd(width)}  ${text}`,
    )
    .join('\n');
}
