// Where Postgres, Redis and Chromium are on this machine; obtains what is missing from the distribution.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Binaries {
  /** Directory of initdb and postgres. */
  readonly postgresDir?: string;
  readonly redisServer?: string;
  readonly chromium?: string;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function onPath(name: string): string | undefined {
  const directories = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return directories.map((directory) => join(directory, name)).find(isProgram);
}

// Debian keeps each version of Postgres in a directory of its own, off the PATH.
function findPostgres(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const directories = [
    ...versions.map((version) => join(root, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  return directories.find(
    (directory) => isProgram(join(directory, 'initdb')) && isProgram(join(directory, 'postgres')),
  );
}

// A wrapper that only tells people to install a snap is there, but does not run.
function runs(path: string): boolean {
  return spawnSync(path, ['--version'], { timeout: 20_000, stdio: 'ignore' }).status === 0;
}

function findChromium(): string | undefined {
  const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  return [process.env.TEST_CHROMIUM, ...names.map(onPath), mac]
    .filter((path) => path !== undefined)
    .find((path) => isProgram(path) && runs(path));
}

export function findBinaries(): Binaries {
  const postgresDir = findPostgres();
  const redisServer = onPath('redis-server');
  const chromium = findChromium();
  return {
    ...(postgresDir && { postgresDir }),
    ...(redisServer && { redisServer }),
    ...(chromium && { chromium }),
  };
}

/** What a run starts by itself: servers of its own, a browser. */
export type Needed = Readonly<Partial<Record<'postgres' | 'redis' | 'chromium', boolean>>>;

/** For runs that take servers which are there already. */
export const orNamed = [
  'or name them: TEST_DATABASE_URL (a Postgres user who may create databases), TEST_REDIS_URL,',
  'TEST_CHROMIUM (path of a Chromium or Chrome)',
];

/**
 * Where they are, after installing what was missing; undefined, with a message, when some cannot be had.
 * @param otherwise further lines of that message
 */
export function obtainBinaries(needed: Needed, otherwise: readonly string[] = []): Binaries | undefined {
  const before = findBinaries();
  const missing = missingPackages(before, needed);
  if (missing.length === 0) return before;
  const after = installPackages(missing) ? findBinaries() : before;
  const still = missingPackages(after, needed);
  if (still.length === 0) return after;
  console.error(
    [
      `This runs on real servers and a real browser; the machine lacks: ${still.join(', ')}.`,
      `Install them (Debian and Ubuntu: \`apt-get install ${still.join(' ')}\`, or run this as root)`,
      ...otherwise,
    ].join('\n'),
  );
  return undefined;
}

/** The Debian packages of what is needed and not there. */
function missingPackages(found: Binaries, needed: Needed): readonly string[] {
  return [
    ...(needed.postgres && !found.postgresDir ? ['postgresql'] : []),
    ...(needed.redis && !found.redisServer ? ['redis-server'] : []),
    ...(needed.chromium && !found.chromium ? ['chromium'] : []),
  ];
}

/** Installs Debian packages without starting their services. False when this machine or user cannot. */
export function installPackages(packages: readonly string[]): boolean {
  if (process.getuid?.() !== 0 || !onPath('apt-get')) return false;
  // Its exit code 101 forbids package scripts to start a service (Debian policy 9.3.3).
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const apt = (...args: string[]) =>
      spawnSync('apt-get', ['-q', ...args], {
        stdio: ['ignore', 2, 2],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      }).status === 0;
    console.error(`installing ${packages.join(', ')}`);
    return apt('update') && apt('install', '-y', '--no-install-recommends', ...packages);
  } finally {
    if (ours) rmSync(policy);
  }
}
