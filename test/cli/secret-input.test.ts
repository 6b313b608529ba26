import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import { readSupplied } from '../../src/cli/secret-input.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-secret-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(words: readonly string[], stdin: Readable = Readable.from([])) {
  const parsed = parseCommandLine(['user', 'set-password', 'a@example.com', ...words], commands);
  if (parsed.kind !== 'command') throw new Error(`it does not parse: ${words.join(' ')}`);
  const stderr = new PassThrough();
  const result = await readSupplied(parsed, { stdin, stderr });
  return { result, shown: String(stderr.read() ?? '') };
}
const supplied = (password: string) => ({ kind: 'supplied', supplied: { files: {}, password } });
const bytes = (...chunks: (string | Buffer)[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

test('standard input, without the line end that echo adds and with every other space', async () => {
  expect((await read(['--password-stdin'], bytes(' pass ', 'phrase \n'))).result).toEqual(
    supplied(' pass phrase '),
  );
  expect((await read(['--password-stdin'], bytes('a\n\n'))).result).toEqual(supplied('a\n'));
});

test.each([
  ['nothing', bytes('\n'), 'holds no password'],
  ['too much', bytes('x'.repeat(5_000)), 'more than a password'],
  ['what is no UTF-8', bytes(Buffer.from([0xff, 0xfe])), 'not UTF-8'],
])('standard input with %s', async (_, stdin, message) => {
  const { result } = await read(['--password-stdin'], stdin);
  expect(result).toMatchObject({ kind: 'failed', message: expect.stringContaining(message) });
});

test('a file', async () => {
  const file = join(folder, 'password');
  await writeFile(file, 'from a file\r\n');
  expect((await read(['--password-file', file])).result).toEqual(supplied('from a file'));
  const none = await read(['--password-file', join(folder, 'none')]);
  expect(none.result).toMatchObject({
    kind: 'failed',
    message: expect.stringContaining('--password-file: cannot be read'),
  });
});

test('neither, without a terminal, and both are wrong usage', async () => {
  expect((await read([])).result).toMatchObject({ kind: 'failed', exit: 2 });
  expect((await read(['--password-stdin', '--password-file', 'x'])).result).toMatchObject({
    kind: 'failed',
    exit: 2,
  });
});

/** A terminal at which somebody types `keys`, one chunk after the other question. */
function terminal(...answers: readonly string[]) {
  const modes: boolean[] = [];
  const stdin = new PassThrough();
  const left = [...answers];
  const resume = stdin.resume.bind(stdin);
  const typing = Object.assign(stdin, {
    isTTY: true,
    setRawMode(on: boolean) {
      modes.push(on);
    },
    resume() {
      const next = left.shift();
      if (next !== undefined) queueMicrotask(() => stdin.write(next));
      return resume();
    },
  });
  return { stdin: typing, modes };
}

test('a terminal asks twice, hides what is typed, and lets it be corrected', async () => {
  const { stdin, modes } = terminal('hunterx\u007f2\r', 'hunter2\r');
  const { result, shown } = await read([], stdin);
  expect(result).toEqual(supplied('hunter2'));
  expect(shown).toBe('Password: \nAgain:    \n');
  expect(modes).toEqual([true, false, true, false]);
});

test('a terminal: two answers that differ, and Ctrl-C', async () => {
  expect((await read([], terminal('one\r', 'two\r').stdin)).result).toMatchObject({ error: 'invalid' });
  const stopped = terminal('on\u0003');
  expect((await read([], stopped.stdin)).result).toMatchObject({ error: 'cancelled' });
  expect(stopped.modes).toEqual([true, false]);
});
