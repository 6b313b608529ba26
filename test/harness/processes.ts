import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { freePort, until } from './ports.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const preload = pathToFileURL(join(root, 'test/harness/clock-preload.ts')).href;

/** A clock that started processes share and a test moves while they run. */
export interface MovableClock {
  readonly file: string;
  now(): number;
  /** Forward by so many seconds; seen by every process at its next look. */
  advance(seconds: number): void;
  close(): void;
}

export function openMovableClock(): MovableClock {
  const directory = mkdtempSync(join(tmpdir(), 'cardea-clock-'));
  const file = join(directory, 'offset');
  const handle = openSync(file, 'w+');
  let offset = 0;
  // Always the same width, written over in place: a reader never sees half a number.
  const write = () => writeSync(handle, String(offset).padEnd(20), 0);
  write();
  return {
    file,
    now: () => Date.now() + offset,
    advance: (seconds) => {
      offset += seconds * 1000;
      write();
    },
    close: () => {
      closeSync(handle);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of ours that a test started. */
export interface Running {
  readonly pid: number;
  /** Everything that it wrote so far, both streams. */
  output(): string;
  standardOutput(): string;
  errorOutput(): string;
  readonly exited: Promise<Exit>;
  running(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** TERM, and the exit that follows. */
  stop(): Promise<Exit>;
  /** kill -9. */
  kill(): Promise<Exit>;
}

export interface RunOptions {
  /** Arguments of `cardea`. */
  readonly args: readonly string[];
  /** The only settings it gets: nothing of the developer's environment reaches it. */
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: Pick<MovableClock, 'file'>;
  readonly cwd?: string;
  /** Standard input, for secrets. */
  readonly input?: string;
  /** Another script of this repository instead of bin/cardea.js. */
  readonly script?: string;
}

const started = new Set<Running>();
process.once('exit', () => {
  for (const one of started) one.signal('SIGKILL');
});

/** Starts `cardea ARGS` (or another script) and returns at once. */
export function startProcess({
  args,
  env = {},
  clock,
  cwd,
  input,
  script = 'bin/cardea.js',
}: RunOptions): Running {
  const moved = clock ? ['--import', preload] : [];
  const child = spawn(process.execPath, [...moved, resolve(root, script), ...args], {
    cwd: cwd ?? root,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '/',
      TMPDIR: tmpdir(),
      ...(clock ? { TEST_CLOCK_FILE: clock.file } : {}),
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let standardOutput = '';
  let errorOutput = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    standardOutput += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    errorOutput += text;
  });
  // A process that ends before it has read its input is not a fault of the test.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const exited = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }));
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const end = (signal: NodeJS.Signals) => {
    if (running()) child.kill(signal);
    return exited;
  };
  const one: Running = {
    pid: child.pid ?? 0,
    output: () => output,
    standardOutput: () => standardOutput,
    errorOutput: () => errorOutput,
    exited,
    running,
    signal: (signal) => void (running() && child.kill(signal)),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
  started.add(one);
  void exited.then(() => started.delete(one));
  return one;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `cardea ARGS` to its end. */
export async function runCommand(options: RunOptions): Promise<CommandResult> {
  const one = startProcess(options);
  const { code } = await one.exited;
  return { code, stdout: one.standardOutput(), stderr: one.errorOutput() };
}

export interface RunningCardea extends Running {
  /** Where it listens, which is the issuer too unless `env` names another. */
  readonly origin: string;
  readonly port: number;
}

/**
 * Starts `cardea serve` on a free port and waits until it is ready.
 * @throws with its output when it ends instead
 */
export async function startCardea(
  options: Omit<RunOptions, 'args'> & { args?: readonly string[] },
): Promise<RunningCardea> {
  const port = Number(options.env?.PORT ?? (await freePort()));
  const origin = `http://localhost:${port}`;
  const env = { PORT: String(port), CARDEA_HOST: '127.0.0.1', CARDEA_METRICS_PORT: 'off', ...options.env };
  const one = startProcess({ ...options, env, args: options.args ?? ['serve', '--migrate'] });
  await Promise.race([
    until('cardea serve', () => expectReady(`http://127.0.0.1:${port}/health/ready`), 30_000),
    one.exited.then(({ code, signal }) => {
      throw new Error(`cardea serve ended (${code ?? signal}):\n${one.output().slice(-4000)}`);
    }),
  ]).catch(async (error: unknown) => {
    await one.kill();
    throw error;
  });
  return { ...one, origin, port };
}

async function expectReady(url: string): Promise<void> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
}
