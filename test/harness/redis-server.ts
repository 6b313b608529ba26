/**
 * Redis servers of a test's own, on loopback and a free port, for what cannot be done to one that others use: count
 * its commands, kill it, flush it, give it an older file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './ports.ts';

export interface TestRedis {
  readonly port: number;
  readonly url: string;
  /** Its working directory: appendonly and dump files. */
  readonly directory: string;
  /** Ends the process; with SIGKILL nothing is saved. The files stay. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same port and directory. */
  start(): Promise<void>;
  /** Ends it and removes its files. */
  close(): Promise<void>;
  /** A plain connection, to be closed by the caller. */
  connect(): Redis;
}

/** @param settings further lines of redis.conf as arguments: ['--appendonly', 'yes'] */
export async function startRedis(settings: readonly string[] = []): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'cardea-redis-'));
  let port = await freePort();
  let child: ChildProcess | undefined;

  function connect(): Redis {
    const link = new Redis({ port, host: '127.0.0.1', retryStrategy: (n) => Math.min(n * 20, 200) });
    link.on('error', () => undefined);
    return link;
  }

  /** False when the one who answers at the port is another test's server: both had found it free. */
  async function begin(): Promise<boolean> {
    const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
    child = spawn('redis-server', [...base, ...settings], { stdio: 'ignore' });
    // A test process that dies half-way leaves no server behind.
    const started = child;
    process.once('exit', () => started.kill('SIGKILL'));
    const probe = connect();
    const facts = await probe.info('server');
    probe.disconnect();
    return facts.includes(`process_id:${child.pid}\r`);
  }

  async function start(): Promise<void> {
    if (!(await begin())) throw new Error(`port ${port} was taken meanwhile`);
  }

  async function kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  while (!(await begin())) port = await freePort();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    directory,
    kill,
    start,
    connect,
    close: async () => {
      await kill('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
