// Audits package-lock.json: every package has a checksum, comes from the registry, and runs nothing at its install
// unless package.json lists it under `allowScripts`.
import { readFileSync } from 'node:fs';

interface LockEntry {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
}

interface PackageFile {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly allowScripts?: Readonly<Record<string, boolean>>;
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const own: PackageFile = read('package.json');
const lock: { lockfileVersion: number; packages: Record<string, LockEntry & PackageFile> } =
  read('package-lock.json');
const registry = 'https://registry.npmjs.org/';
const faults: string[] = [];

for (const [path, entry] of Object.entries(lock.packages)) {
  if (path === '') continue;
  const name = path.replace(/^.*node_modules\//, '');
  if (entry.link) faults.push(`${path}: is a link`);
  // SHA-1 is broken; old registries still give it.
  if (!entry.inBundle && !/^sha512-/.test(entry.integrity ?? ''))
    faults.push(`${path}: has no SHA-512 checksum`);
  if (entry.resolved !== undefined && !entry.resolved.startsWith(registry))
    faults.push(`${path}: does not come from the registry`);
  if (entry.hasInstallScript && own.allowScripts?.[name] !== true)
    faults.push(`${path}: runs a script at its install`);
}

for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
  for (const [name, version] of Object.entries(own[kind] ?? {})) {
    if (!/^\d+\.\d+\.\d+$/.test(version)) faults.push(`${name}: ${version} is no exact version`);
    if (lock.packages['']?.[kind]?.[name] !== version)
      faults.push(`${name}: package.json and package-lock.json differ`);
  }
}

// `npm ci` refuses a lockfile that leaves out a package, even one for another platform.
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
    const places = path
      .split('/node_modules/')
      .map((_, depth, parts) => parts.slice(0, parts.length - depth).join('/node_modules/'));
    const found = [...places.map((place) => `${place}/node_modules/${name}`), `node_modules/${name}`].some(
      (place) => lock.packages[place],
    );
    if (!found) faults.push(`${path}: ${name} is missing from the lockfile`);
  }
}

const count = Object.keys(lock.packages).length - 1;
if (count < 1) faults.push('the lockfile names no package');
console.log(`lockfile: ${count} packages, ${faults.length} faults`);
for (const fault of faults) console.error(`  ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;
