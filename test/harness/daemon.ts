import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A server that a test started, and that it alone ends, by its process id. */
export interface Daemon {
  readonly pid: number;
  /** Ends it in order and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  running(): boolean;
}

export interface DaemonOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd?: string;
}

const children = new Set<ChildProcess>();
// A test run that is cut short must not leave servers behind.
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export function startDaemon({ command, args, uid, gid, cwd }: DaemonOptions): Daemon {
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(cwd === undefined ? {} : { cwd }),
  });
  children.add(child);
  // Drained, or a talkative server would stop when the pipe is full.
  child.stderr.resume();
  child.once('exit', () => children.delete(child));
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const stop = async (signal: NodeJS.Signals) => {
    if (!running()) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    const forced = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(forced);
  };
  return {
    pid: child.pid ?? 0,
    running,
    stop: (signal = 'SIGTERM') => stop(signal),
    kill: () => stop('SIGKILL'),
  };
}
