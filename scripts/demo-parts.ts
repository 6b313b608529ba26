/** The pieces of the demo: the provider, what is registered there, and the examples. Used by demo.ts and by a test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A program that was started here. `stop` ends it and waits; killing twice does no harm. */
export interface Running {
  readonly pid: number;
  /** What it has printed so far. */
  output(): string;
  stop(): Promise<void>;
}

export interface Places {
  readonly dataDir: string;
  readonly issuer: string;
  readonly webUrl: string;
  /** The address of the API, and the audience of its tokens. */
  readonly apiUrl: string;
  readonly reportsUrl: string;
}

export interface Registered {
  readonly email: string;
  readonly password: string;
  readonly webSecret: string;
  readonly reportsSecret: string;
}

type Environment = Readonly<Record<string, string>>;

/** What a program needs to run, and what it is told: none of the settings that happen to be in the environment. */
function cleanEnvironment(added: Environment): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) =>
    /^(PATH|HOME|TMPDIR|LANG|TZ|NO_COLOR)$/.test(name),
  );
  return { ...Object.fromEntries(kept), ...added };
}

/** The preferred port when it is free, else any free one. */
export async function freePort(preferred = 0): Promise<number> {
  const server = createServer();
  server.listen(preferred, 'localhost');
  const outcome = await Promise.race([
    once(server, 'listening').then(() => 'free'),
    once(server, 'error').then(() => 'taken'),
  ]).catch(() => 'taken');
  if (outcome === 'taken') return freePort();
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : freePort();
}

/**
 * Starts a program of this repository and waits until `url` answers.
 * @throws Error with what it printed, when it ends first or needs longer than 30 s
 */
export async function startProgram(
  path: string,
  args: readonly string[],
  env: Environment,
  url: string,
): Promise<Running> {
  const child = spawn(process.execPath, [path, ...args], {
    cwd: root,
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output = (output + chunk).slice(-20_000)));
  const running = { pid: child.pid ?? 0, output: () => output, stop: () => stop(child) };
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline && child.exitCode === null) {
    const answer = await fetch(url, { redirect: 'manual' }).catch(() => undefined);
    if (answer && answer.status < 500) return running;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await running.stop();
  throw new Error(`${path} did not start:\n${output}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(patience);
}

export function startProvider({ issuer, dataDir }: Pick<Places, 'issuer' | 'dataDir'>): Promise<Running> {
  const env = {
    PORT: new URL(issuer).port,
    CARDEA_ISSUER: issuer,
    CARDEA_DATA_DIR: dataDir,
    CARDEA_METRICS_PORT: 'off',
    CARDEA_LOG_LEVEL: 'warn',
  };
  return startProgram('bin/cardea.js', ['serve'], env, `${issuer}/health/ready`);
}

/**
 * Runs one command of the command line against the provider of this data directory.
 * @returns its JSON document
 * @throws Error with what it printed, when it fails
 */
export async function cardea(
  places: Pick<Places, 'dataDir'>,
  args: readonly string[],
  input = '',
): Promise<Record<string, unknown>> {
  const env = cleanEnvironment({ CARDEA_DATA_DIR: places.dataDir });
  const child = spawn(process.execPath, ['bin/cardea.js', ...args, '--json'], {
    cwd: root,
    env,
    stdio: 'pipe',
  });
  let output = '';
  let trouble = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (trouble += chunk));
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`cardea ${args.slice(0, 2).join(' ')} failed: ${trouble || output}`);
  return JSON.parse(output) as Record<string, unknown>;
}

/** An API with a role, a web client, a service client and an account; everything secret is made at random. */
export async function register(places: Places): Promise<Registered> {
  const { apiUrl, webUrl } = places;
  const email = 'ada@example.com';
  const password = randomBytes(12).toString('base64url');
  const run = (...args: string[]) => cardea(places, args);
  await run('resource', 'create', '--audience', apiUrl, '--name', 'Orders API', '--scope', 'orders:read');
  await run('role', 'create', '--name', 'clerk', '--resource', apiUrl, '--permission', 'orders:report');
  const callback = ['--redirect-uri', `${webUrl}/callback`, '--post-logout-redirect-uri', `${webUrl}/`];
  const web = await run(
    'client',
    'create',
    '--id',
    'orders-web',
    '--name',
    'Orders',
    '--type',
    'web',
    ...callback,
    '--resource',
    apiUrl,
  );
  const service = ['--type', 'service', '--resource', apiUrl, '--role', 'clerk'];
  const reports = await run('client', 'create', '--id', 'reports', '--name', 'Reports', ...service);
  const account = [
    '--email',
    email,
    '--name',
    'Ada Lovelace',
    '--verified',
    '--role',
    'clerk',
    '--password-stdin',
  ];
  await cardea(places, ['user', 'create', ...account], `${password}\n`);
  return {
    email,
    password,
    webSecret: String(web.client_secret),
    reportsSecret: String(reports.client_secret),
  };
}

export async function startExamples(places: Places, registered: Registered): Promise<readonly Running[]> {
  const { issuer, webUrl, apiUrl, reportsUrl } = places;
  const common = { ISSUER: issuer, API_AUDIENCE: apiUrl };
  const portOf = (url: string) => new URL(url).port;
  const api = { ISSUER: issuer, AUDIENCE: apiUrl, PORT: portOf(apiUrl) };
  const web = {
    ...common,
    CLIENT_ID: 'orders-web',
    CLIENT_SECRET: registered.webSecret,
    PORT: portOf(webUrl),
  };
  const reports = {
    ...common,
    CLIENT_ID: 'reports',
    CLIENT_SECRET: registered.reportsSecret,
    PORT: portOf(reportsUrl),
  };
  const started: Running[] = [];
  try {
    started.push(await startProgram('examples/api/server.ts', [], api, apiUrl));
    started.push(await startProgram('examples/web-app/server.ts', [], web, webUrl));
    started.push(await startProgram('examples/microservice/server.ts', [], reports, reportsUrl));
  } catch (error) {
    await Promise.all(started.map((running) => running.stop()));
    throw error;
  }
  return started;
}
