/** `npx cardea` as a process: without a server, beside one, and on Postgres. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLocalSocket } from '../../src/cli/local-socket.ts';
import { openTestRooms, silentLog } from './rooms.ts';

const program = fileURLToPath(new URL('../../bin/cardea.js', import.meta.url));

interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function cardea(words: readonly string[], environment: NodeJS.ProcessEnv, stdin = ''): Promise<Ended> {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [program, ...words], { env: { PATH, HOME, ...environment } });
  const told = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    told.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    told.stderr += chunk;
  });
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit) => resolve({ exit, ...told }));
  });
}

const password = 'a long enough pass phrase\n';

describe('with the embedded database', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cardea-process-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('without a server it opens the database itself, two at once one after the other', async () => {
    const environment = { CARDEA_DATA_DIR: join(folder, 'alone') };
    const create = (email: string) =>
      cardea(['user', 'create', '--email', email, '--password-stdin', '--json'], environment, password);
    const made = await Promise.all([create('a@example.com'), create('b@example.com')]);
    expect(made.map(({ exit, stderr }) => ({ exit, stderr }))).toEqual(
      Array(2).fill({ exit: 0, stderr: '' }),
    );
    const listed = await cardea(['user', 'list', '--json'], environment);
    const emails = JSON.parse(listed.stdout).accounts.map((one: { email: string }) => one.email);
    expect(emails.sort()).toEqual(['a@example.com', 'b@example.com']);
    await expect(stat(join(folder, 'alone', 'cardea.sock'))).rejects.toThrow('ENOENT');
  });

  test('beside a server it goes through the socket', async () => {
    const t = await openTestRooms();
    const socket = await openLocalSocket({ rooms: t.rooms, dataDir: t.dataDir, log: silentLog });
    const environment = { CARDEA_DATA_DIR: t.dataDir };
    const made = await cardea(
      ['user', 'create', '--email', 'x@example.com', '--password-stdin'],
      environment,
      password,
    );
    expect(made).toMatchObject({ exit: 0, stderr: '' });
    expect(await t.rooms.accounts.findByEmail('x@example.com')).toMatchObject({ passwordVersion: 1 });
    const keys = join(folder, 'keys.json');
    await writeFile(keys, 'no JSON');
    const create = ['client', 'create', '--name', 'J', '--type', 'service', '--jwks-file', keys];
    expect(await cardea(create, environment)).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('--jwks-file is not JSON'),
    });
    // A process that has the directory, and no socket: told within a bound, and nothing is opened twice.
    await socket.close();
    const stuck = await cardea(['user', 'list', '--json'], environment);
    expect(stuck.exit).toBe(1);
    expect(JSON.parse(stuck.stdout)).toMatchObject({ error: 'in_use' });
    expect(stuck.stderr).toContain(`process ${process.pid}`);
    await t.close();
  });

  test('help and faults of the settings touch nothing', async () => {
    const environment = { CARDEA_DATA_DIR: join(folder, 'untouched'), CARDEA_ISSUR: 'x' };
    expect(await cardea(['user', 'list', '--help'], environment)).toMatchObject({ exit: 0, stderr: '' });
    const checked = await cardea(['config', 'check', '--json'], environment);
    expect(checked.exit).toBe(1);
    expect(JSON.parse(checked.stdout)).toMatchObject({ error: 'settings' });
    expect(checked.stderr).toContain('did you mean CARDEA_ISSUER?');
    await expect(stat(join(folder, 'untouched'))).rejects.toThrow('ENOENT');
  });

  test('settings come from a file, and the environment wins', async () => {
    const file = join(folder, 'cardea.conf');
    await writeFile(file, 'PORT=4000\nCARDEA_ISSUER=http://localhost:4001\n');
    const checked = await cardea(['config', 'check', '--config', file, '--json'], { PORT: '4002' });
    expect(JSON.parse(checked.stdout)).toMatchObject({
      ok: true,
      port: 4002,
      issuer: 'http://localhost:4001',
    });
    const none = await cardea(['config', 'check', '--config', join(folder, 'none')], {});
    expect(none).toMatchObject({ exit: 1, stderr: expect.stringContaining('cannot be read') });
  });
});

describe('on Postgres', () => {
  const server = process.env.TEST_DATABASE_URL;
  const name = `cardea_cli_${randomBytes(6).toString('hex')}`;
  let admin: pg.Client;
  let environment: NodeJS.ProcessEnv;

  beforeAll(async () => {
    if (!server) throw new Error('TEST_DATABASE_URL names no Postgres');
    admin = new pg.Client({ connectionString: server });
    await admin.connect();
    await admin.query(`create database ${name}`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    environment = {
      DATABASE_URL: url.href,
      CARDEA_ISSUER: 'https://id.example.com',
      CARDEA_MASTER_KEY: randomBytes(32).toString('base64'),
    };
  });
  afterAll(async () => {
    await admin?.query(`drop database if exists ${name} with (force)`);
    await admin?.end();
  });

  test('refuses while migrations are pending, says what to run, and works afterwards', async () => {
    const early = await cardea(['user', 'list', '--json'], environment);
    expect(early.exit).toBe(1);
    expect(JSON.parse(early.stdout).error).toBe('migrations_pending');
    expect(early.stderr).toContain('npx cardea migrate');

    const status = await cardea(['migrate', '--status', '--json'], environment);
    const { pending } = JSON.parse(status.stdout);
    expect(pending.length).toBeGreaterThan(3);
    const runs = await Promise.all([1, 2].map(() => cardea(['migrate', '--json'], environment)));
    expect(runs.map(({ exit }) => exit)).toEqual([0, 0]);
    expect(runs.flatMap(({ stdout }) => JSON.parse(stdout).applied).sort()).toEqual([...pending].sort());

    const made = await cardea(
      ['user', 'create', '--email', 'pg@example.com', '--password-stdin', '--json'],
      environment,
      password,
    );
    expect(JSON.parse(made.stdout)).toMatchObject({ email: 'pg@example.com', roles: [] });
  });

  test('a database that is away: told, with what to do', async () => {
    const away = await cardea(['user', 'list', '--json'], {
      ...environment,
      DATABASE_URL: 'postgres://127.0.0.1:9/x',
    });
    expect(away.exit).toBe(1);
    expect(JSON.parse(away.stdout).error).toBe('unavailable');
    expect(away.stderr).toContain('runs and answers');
  });
});
