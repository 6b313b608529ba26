/** A server process under measurement: started, watched through /proc, ended. Its output is read and thrown away. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../test/harness/ports.ts';
import { openConnection } from './http-load.ts';

export interface Child {
  readonly port: number;
  readonly issuer: string;
  /** Host and port of the issuer. */
  readonly host: string;
  readonly pid: number;
  /** From the spawn to the first 200 of discovery. */
  readonly startSeconds: number;
  /** User and system time so far, in seconds; /proc counts in hundredths. */
  cpuSeconds(): number;
  /** Resident memory in MiB. */
  memory(): number;
  stop(): Promise<void>;
}

// A run that is cut short leaves no server behind.
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param script with its arguments, from the repository's top */
export async function startChild(
  script: readonly string[],
  environment: Readonly<Record<string, string>>,
  nodeOptions: readonly string[] = [],
): Promise<Child> {
  const port = await freePort();
  const host = `localhost:${port}`;
  const spawnedAt = performance.now();
  const child = spawn(process.execPath, [...nodeOptions, ...script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      PORT: String(port),
      CARDEA_HOST: '127.0.0.1',
      CARDEA_ISSUER: `http://${host}`,
      ...environment,
    },
  });
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      tail = (tail + chunk).slice(-2000);
    });
  }
  running.add(child);
  child.once('exit', () => running.delete(child));
  const pid = child.pid ?? 0;
  await firstAnswer(child, { port, host }, () => tail);
  return {
    port,
    host,
    issuer: `http://${host}`,
    pid,
    startSeconds: (performance.now() - spawnedAt) / 1000,
    cpuSeconds: () => cpuSecondsOf(pid),
    memory: () => memoryOf(pid),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function firstAnswer(
  child: ChildProcess,
  at: { port: number; host: string },
  tail: () => string,
): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended:\n${tail()}`);
    const connection = openConnection(at);
    const answer = await connection.ask({ path: '/.well-known/openid-configuration' }).catch(() => undefined);
    connection.close();
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function cpuSecondsOf(pid: number): number {
  // The name in parentheses may hold blanks; utime and stime are the 12th and 13th fields behind it (proc(5)).
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function memoryOf(pid: number): number {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kib) / 1024;
}
