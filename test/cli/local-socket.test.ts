import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAX_REQUEST_BYTES } from '../../src/cli/frames.ts';
import { type LocalSocket, openLocalSocket } from '../../src/cli/local-socket.ts';
import { askServer } from '../../src/cli/local-socket-client.ts';
import { socketPath } from '../../src/cli/socket-path.ts';
import { openTestRooms, silentLog, type TestRooms } from './rooms.ts';

let t: TestRooms;
let socket: LocalSocket;
let path: string;
beforeAll(async () => {
  t = await openTestRooms();
  path = join(t.dataDir, 'cardea.sock');
  // What a server that was killed leaves behind.
  await writeFile(path, '');
  socket = await openLocalSocket({ rooms: t.rooms, dataDir: t.dataDir, log: silentLog });
});
afterAll(async () => {
  await socket?.close();
  await t?.close();
});

const ask = (argv: readonly string[], password?: string) =>
  askServer(t.dataDir, argv, { files: {}, password });

/** Sends bytes as they are; what comes back until the other side ends. */
function sendRaw(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const connection = createConnection({ path, allowHalfOpen: true });
    connection.on('data', (chunk) => {
      answer += chunk;
    });
    connection.on('error', () => undefined); // the server may hang up before it has read everything
    connection.on('close', () => resolve(answer));
    connection.on('end', () => connection.end());
    connection.write(bytes);
  });
}

const frame = (more: object) =>
  `${JSON.stringify({ version: 1, argv: ['user', 'list'], files: {}, ...more })}\n`;

describe('the local socket', () => {
  test('is open to its owner alone', async () => {
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(t.dataDir)).mode & 0o777).toBe(0o700);
  });

  test('runs a command of the table on the rooms of the server, with its password', async () => {
    const made = await ask(
      ['user', 'create', '--email', 'sock@example.com', '--json'],
      'a long enough pass phrase',
    );
    expect(made).toMatchObject({ kind: 'answer', output: { exit: 0, stderr: '' } });
    const listed = await ask(['user', 'list']);
    expect(listed.kind === 'answer' && listed.output.stdout).toContain('sock@example.com');
    expect((await t.rooms.accounts.findByEmail('sock@example.com'))?.passwordVersion).toBe(1);
  });

  test('a failure comes back as it is, and many commands at once each have their answer', async () => {
    expect(await ask(['user', 'show', 'nobody@example.com'])).toMatchObject({ output: { exit: 1 } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(['keys', 'list', '--json'])));
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'answer', output: { exit: 0 } });
  });

  test.each([
    ['garbage', 'GET / HTTP/1.1\r\n\r\n'],
    ['JSON that is no frame', '[]\n'],
    ['another version', frame({ version: 2 })],
    ['words that are no texts', frame({ argv: [1] })],
    ['files that are no texts', frame({ files: { a: 1 } })],
    ['a command that is not for it', frame({ argv: ['serve'] })],
    ['an unknown command', frame({ argv: ['fly'] })],
    ['wrong usage', frame({ argv: ['user', 'show'] })],
  ])('refuses %s', async (_, bytes) => {
    expect(JSON.parse(await sendRaw(bytes))).toMatchObject({ exit: 2, stdout: '' });
  });

  test('reads no more than its bound', async () => {
    const answer = JSON.parse(await sendRaw('x'.repeat(MAX_REQUEST_BYTES + 70_000)));
    expect(answer).toMatchObject({ exit: 2 });
    expect(answer.stderr).toContain('bytes');
    expect(await ask(['keys', 'list'])).toMatchObject({ kind: 'answer' });
  });

  test('a caller that goes away harms nobody', async () => {
    const connection = createConnection(path);
    connection.write(frame({}), () => connection.destroy());
    await new Promise((resolve) => connection.once('close', resolve));
    expect(await ask(['keys', 'list'])).toMatchObject({ kind: 'answer' });
  });
});

describe('the path of the socket', () => {
  test('is relative where the absolute one is too long, and none where both are', () => {
    const deep = join(process.cwd(), 'd'.repeat(98 - 'cardea.sock'.length));
    expect(socketPath('/short')).toBe('/short/cardea.sock');
    expect(socketPath(deep)).toBe(join('d'.repeat(98 - 'cardea.sock'.length), 'cardea.sock'));
    expect(socketPath(`/${'d'.repeat(120)}`)).toBeUndefined();
  });

  test('too long for a socket: a warning, and the server serves without', async () => {
    const warnings: string[] = [];
    const dataDir = `/tmp/${'d'.repeat(120)}`;
    const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
    const none = await openLocalSocket({ rooms: t.rooms, dataDir, log });
    await none.close();
    expect(warnings).toEqual([expect.stringContaining('too long for a local socket')]);
    expect(await askServer(dataDir, ['keys', 'list'], { files: {} })).toEqual({ kind: 'nobody' });
  });
});

describe('the end of a server', () => {
  test('hangs up on those who ask nothing, finishes what runs, and removes the file', async () => {
    const dataDir = join(await mkdtemp(join(tmpdir(), 'cardea-sock-')), 'data');
    await mkdir(dataDir, { mode: 0o755 });
    let release = () => undefined as undefined;
    const held = new Promise<void>((resolve) => {
      release = () => void resolve();
    });
    let asked = () => undefined as undefined;
    const running = new Promise<void>((resolve) => {
      asked = () => void resolve();
    });
    const keys = {
      ...t.rooms.keys,
      async list() {
        asked();
        await held;
        return t.rooms.keys.list();
      },
    };
    const own = await openLocalSocket({ rooms: { ...t.rooms, keys }, dataDir, log: silentLog });
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    const idle = createConnection(join(dataDir, 'cardea.sock'));
    const hungUp = new Promise((resolve) => idle.once('close', resolve));
    await new Promise((resolve) => idle.once('connect', resolve));
    const answer = askServer(dataDir, ['keys', 'list'], { files: {} });
    await running;
    const closed = own.close();
    await hungUp;
    release();
    expect(await answer).toMatchObject({ kind: 'answer', output: { exit: 0 } });
    await closed;
    await expect(stat(join(dataDir, 'cardea.sock'))).rejects.toThrow('ENOENT');
    expect(await askServer(dataDir, ['keys', 'list'], { files: {} })).toEqual({ kind: 'nobody' });
    await rm(join(dataDir, '..'), { recursive: true });
  });

  test('an answer that is cut off is told as such, and what to do', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'cardea-cut-'));
    const server = createServer((connection) => connection.resume().end('{"exit":0,"std'));
    await new Promise<void>((resolve) => server.listen(join(dataDir, 'cardea.sock'), resolve));
    const answer = await askServer(dataDir, ['keys', 'rotate'], { files: {} });
    expect(answer).toMatchObject({ kind: 'failed', error: 'unanswered' });
    expect(answer.kind === 'failed' && answer.next).toContain('may have taken effect');
    await new Promise((resolve) => server.close(resolve));
    await rm(dataDir, { recursive: true });
  });
});
