/** Passwords and files, read by the process that the person started: never from an argument. */
import { open } from 'node:fs/promises';
import type { ParsedCommand } from './arguments.ts';
import { type Failed, failed } from './command.ts';
import type { Supplied } from './execute.ts';
import { askHidden, type Terminal } from './prompt.ts';

/** Longer than any password (1,024 bytes); a whole disk piped in by mistake ends here. */
const MAX_PASSWORD_BYTES = 4_096;
/** A JWK Set of 20 keys has about 20 kB. */
const MAX_FILE_BYTES = 131_072;

/** Everything that the command reads besides its arguments. */
export async function readSupplied(
  { command, values }: ParsedCommand,
  terminal: Terminal,
): Promise<{ kind: 'supplied'; supplied: Supplied } | Failed> {
  const files: Record<string, string> = {};
  for (const { name, kind } of command.options ?? []) {
    const value = values.get(name);
    if (kind !== 'file' || !Array.isArray(value)) continue;
    const read = await readText(String(value[0]), MAX_FILE_BYTES);
    if (read.kind === 'failed') return { ...read, message: `--${name}: ${read.message}` };
    files[name] = read.text;
  }
  const read =
    command.needs !== 'rooms'
      ? undefined
      : command.setsPassword
        ? await readPassword(values, terminal)
        : command.takesClientSecret
          ? await readClientSecret(values, terminal)
          : undefined;
  if (read === undefined) return { kind: 'supplied', supplied: { files } };
  return typeof read === 'string' ? { kind: 'supplied', supplied: { files, password: read } } : read;
}

async function readPassword(values: ParsedCommand['values'], terminal: Terminal): Promise<string | Failed> {
  const way = 'Give it by --password-stdin or --password-file FILE, or at the prompt of a terminal.';
  const fromFile = await readFrom(values, 'password', way);
  if (fromFile !== undefined) return fromFile;
  if (terminal.stdin.isTTY) return askTwice(terminal);
  if (values.get('password-stdin') !== true) {
    return { ...failed('usage', 'this command needs a password', way), exit: 2 };
  }
  return readStdin(terminal, 'password', way);
}

/** Undefined when none is given: not every provider has one, and an update keeps the one it has. */
async function readClientSecret(
  values: ParsedCommand['values'],
  terminal: Terminal,
): Promise<string | Failed | undefined> {
  const fromFile = await readFrom(values, 'client-secret', 'Give it by one of them.');
  if (fromFile !== undefined || values.get('client-secret-stdin') !== true) return fromFile;
  return readStdin(terminal, 'client secret', 'Pipe it in, as the provider gave it.');
}

/** What the file option names; undefined when it is not given. */
async function readFrom(
  values: ParsedCommand['values'],
  option: 'password' | 'client-secret',
  way: string,
): Promise<string | Failed | undefined> {
  const file = values.get(`${option}-file`);
  if (!Array.isArray(file)) return undefined;
  if (values.get(`${option}-stdin`) === true) {
    return { ...failed('usage', `--${option}-stdin and --${option}-file: give one of them`, way), exit: 2 };
  }
  const read = await readText(String(file[0]), MAX_PASSWORD_BYTES);
  if (read.kind === 'failed') return { ...read, message: `--${option}-file: ${read.message}` };
  return withoutLineEnd(read.text) || failed('invalid', `the ${option.replace('-', ' ')} file is empty`);
}

async function readStdin(terminal: Terminal, what: string, way: string): Promise<string | Failed> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of terminal.stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_PASSWORD_BYTES) return failed('invalid', `standard input holds more than a ${what}`);
    chunks.push(bytes);
  }
  const text = utf8(Buffer.concat(chunks));
  if (text === undefined) return failed('invalid', 'standard input is not UTF-8');
  return withoutLineEnd(text) || failed('invalid', `standard input holds no ${what}`, way);
}

async function askTwice(terminal: Terminal): Promise<string | Failed> {
  const password = await askHidden('Password: ', terminal);
  if (password === undefined) return failed('cancelled', 'nothing was changed');
  if (password === '') return failed('invalid', 'no password was given');
  const again = await askHidden('Again:    ', terminal);
  return again === password ? password : failed('invalid', 'the two are not the same; nothing was changed');
}

async function readText(path: string, max: number): Promise<{ kind: 'text'; text: string } | Failed> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(max + 1), 0, max + 1, null);
    if (bytesRead > max) return failed('invalid', `the file has more than ${max} bytes`);
    const text = utf8(buffer.subarray(0, bytesRead));
    return text === undefined ? failed('invalid', 'the file is not UTF-8') : { kind: 'text', text };
  } catch (error) {
    return failed('invalid', `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // the caller says which input it was
  }
}

/** `echo` and editors add one line end, which is not part of a password. */
function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
