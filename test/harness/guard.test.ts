import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isNewEnough } from '../../bin/guard.js';

describe('the version guard', () => {
  it.each([
    ['20.20.2', false],
    ['22.11.0', false],
    ['22.12.0', true],
    ['23.0.0', true],
    ['24.21.0', true],
    ['18.0.0', false],
  ])('%s: %s', (version, good) => {
    expect(isNewEnough(version)).toBe(good);
  });
});

// The guard thinks that this Node is version 20: a file that is loaded first says so.
describe('bin/cardea.js under an older Node', () => {
  let home = '';
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'cardea-guard-'));
    cpSync('bin', join(home, 'bin'), { recursive: true });
    writeFileSync(join(home, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      join(home, 'old.cjs'),
      `Object.defineProperty(process.versions, 'node', { value: '20.20.2' }); delete process.execve;`,
    );
    mkdirSync(join(home, 'src/cli'), { recursive: true });
    writeFileSync(
      join(home, 'src/cli/main.ts'),
      `export async function run(args: string[]): Promise<number> {
        if (args[0] === 'exit') return 7;
        const signal = await new Promise<string>((resolve) => {
          process.on('SIGTERM', () => resolve('SIGTERM'));
          setInterval(() => undefined, 1000);
          console.log('waiting ' + process.version);
        });
        console.log('got ' + signal);
        process.exit(3);
      }`,
    );
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  function start(...args: string[]) {
    const child = spawn(process.execPath, ['--require', './old.cjs', 'bin/cardea.js', ...args], {
      cwd: home,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    return { child, output: () => output, closed: once(child, 'close') };
  }

  it('says what is missing and how to mend it', async () => {
    const { closed, output } = start('serve');
    expect(await closed).toEqual([1, null]);
    expect(output()).toContain('needs Node 22.12 or newer; this is 20.20.2');
    expect(output()).toContain(process.platform === 'linux' ? 'npm ci' : 'nodejs.org');
  });

  it('runs under the Node that npm ci brought, with its exit code and signals', async () => {
    const bundled = join(home, `node_modules/node-${process.platform}-${process.arch}/bin`);
    mkdirSync(bundled, { recursive: true });
    if (!existsSync(join(bundled, 'node'))) symlinkSync(process.execPath, join(bundled, 'node'));
    expect(await start('exit').closed).toEqual([7, null]);

    const waiting = start('wait');
    while (!waiting.output().includes('waiting')) await once(waiting.child.stdout, 'data');
    expect(waiting.output()).toContain(process.version);
    waiting.child.kill('SIGTERM');
    expect(await waiting.closed).toEqual([3, null]);
    expect(waiting.output()).toContain('got SIGTERM');
  });
});
