/** The command line: what was asked, the settings, the secrets, and then the command. Heavy rooms load last. */
import { readFileSync } from 'node:fs';
import { readEnvironment } from '../config/environment.ts';
import { readSettings, type Settings } from '../config/settings.ts';
import { type Parsed, type ParsedCommand, parseCommandLine } from './arguments.ts';
import { type Failed, failed } from './command.ts';
import { commands } from './commands.ts';
import { inputOf } from './execute.ts';
import { helpFor, usageOf } from './help.ts';
import { openingFault } from './opening-faults.ts';
import { document, type Output, outputOf } from './output.ts';
import type { Terminal } from './prompt.ts';
import { readSupplied } from './secret-input.ts';

/**
 * @param argv the words after `cardea`
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage. What is written has left the process by then.
 */
export async function run(argv: string[]): Promise<number> {
  const output = await outputFor(argv, process);
  await Promise.all([written(process.stdout, output.stdout), written(process.stderr, output.stderr)]);
  return output.exit;
}

/** Everything but writing the output. */
export async function outputFor(argv: readonly string[], terminal: Terminal): Promise<Output> {
  const parsed = parseCommandLine(argv, commands);
  if (parsed.kind !== 'command') return withoutCommand(parsed);
  const settings = settingsFor(parsed);
  if (settings.kind === 'failed') return outputOf(settings, parsed.json);
  const supplied = await readSupplied(parsed, terminal);
  if (supplied.kind === 'failed') return outputOf(supplied, parsed.json);
  if (parsed.command.needs === 'settings') return runOnSettings(parsed, parsed.command, settings.settings);

  const { reach } = await import('./reach.ts');
  const { createTerminalLog } = await import('./terminal-log.ts');
  const log = createTerminalLog((text) => terminal.stderr.write(text));
  return reach(parsed, supplied.supplied, { settings: settings.settings, argv, log });
}

function withoutCommand(parsed: Exclude<Parsed, ParsedCommand>): Output {
  const { json } = parsed;
  if (parsed.kind === 'usage') {
    const command = commands.find(
      (one) => one.words.length > 0 && one.words.join(' ') === parsed.words.join(' '),
    );
    const help = `npx cardea ${[...parsed.words, '--help'].join(' ')}`;
    const usage = command ? `${usageOf(command)}\nMore:  ${help}` : helpFor(parsed.words, commands).trimEnd();
    return outputOf({ ...failed('usage', parsed.message, usage), exit: 2 }, json);
  }
  const text = parsed.kind === 'help' ? helpFor(parsed.words, commands) : `${version()}\n`;
  const name = parsed.kind === 'help' ? 'help' : 'version';
  return { exit: 0, stdout: json ? document({ [name]: text.trimEnd() }) : text, stderr: '' };
}

function settingsFor(parsed: ParsedCommand): { kind: 'settings'; settings: Settings } | Failed {
  const read = readEnvironment(parsed.configFile);
  const settings = read.kind === 'faults' ? read : readSettings(read.environment);
  if (settings.kind === 'settings') return settings;
  const count = settings.faults.length === 1 ? 'a fault' : `${settings.faults.length} faults`;
  return failed(
    'settings',
    `the settings have ${count}:\n  ${settings.faults.join('\n  ')}`,
    'docs/configuration.md lists every setting; npx cardea config check judges them again.',
  );
}

type OnSettings = Extract<ParsedCommand['command'], { needs: 'settings' }>;

async function runOnSettings(
  parsed: ParsedCommand,
  command: OnSettings,
  settings: Settings,
): Promise<Output> {
  try {
    const outcome = await command.run(settings, inputOf(parsed, { files: {} }));
    return outcome.kind === 'exit'
      ? { exit: outcome.exit, stdout: '', stderr: '' }
      : outputOf(outcome, parsed.json);
  } catch (error) {
    return outputOf(openingFault(error), parsed.json);
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return `cardea ${version}`;
}

/** Resolves when the text is out, or when nobody reads any more (`| head`). */
function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (text === '') return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('error', () => resolve());
    stream.write(text, () => resolve());
  });
}
