// Checks the import rules of .dependency-cruiser.cjs over the tree, then proves on a copy of it that every rule bites.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Violation {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** Files that break a rule each: [file, what it says, the rule that must find it]. */
const planted: readonly (readonly [file: string, text: string, rule: string])[] = [
  ['src/config/planted-up.ts', "export { planted } from '../storage/planted.ts';", 'upward-from-floor-0'],
  [
    'src/storage/planted-up.ts',
    "import type { planted } from '../keys/planted.ts';\nexport type P = typeof planted;",
    'upward-from-floor-1',
  ],
  ['src/audit/planted-up.ts', "export const p = () => import('../keys/planted.ts');", 'upward-from-floor-2'],
  ['src/keys/planted-up.ts', "import '../protocol/planted.ts';", 'upward-from-floor-3'],
  ['src/protocol/planted-up.ts', "import '../pages/planted.ts';", 'upward-from-floor-4'],
  ['src/pages/planted-up.ts', "import '../planted-top.ts';", 'upward-from-floor-5'],
  ['src/config/planted-side.ts', "import '../observability/planted.ts';", 'sideways-config-observability'],
  ['src/audit/planted-side.ts', "import '../web/planted.ts';", 'sideways-audit-mail-throttle-web'],
  [
    'src/accounts/planted-side.ts',
    "import type { planted } from '../clients/planted.ts';\nexport type P = typeof planted;",
    'sideways-accounts-clients-sessions-keys',
  ],
  ['src/portal/planted-side.ts', "import '../pages/planted.ts';", 'sideways-pages-portal-admin'],
  [
    'src/storage/planted-cycle-a.ts',
    "import { b } from './planted-cycle-b.ts';\nexport const a = () => b;",
    'no-cycle',
  ],
  [
    'src/storage/planted-cycle-b.ts',
    "import { a } from './planted-cycle-a.ts';\nexport const b = () => a;",
    'no-cycle',
  ],
  [
    'src/web/planted-types-a.ts',
    "import type { B } from './planted-types-b.ts';\nexport interface A { b: B }",
    'no-cycle',
  ],
  [
    'src/web/planted-types-b.ts',
    "import type { A } from './planted-types-a.ts';\nexport interface B { a: A }",
    'no-cycle',
  ],
  [
    'src/pages/planted-engine.ts',
    "import Provider from 'oidc-provider';\nexport const p = Provider;",
    'wall-engine',
  ],
  [
    'src/clients/planted-engine.ts',
    "import type Provider from 'oidc-provider';\nexport type P = Provider;",
    'wall-engine',
  ],
  ['src/keys/planted-pg.ts', "import { Pool } from 'pg';\nexport const p = Pool;", 'wall-stores'],
  [
    'src/keys/planted-redis.ts',
    "import type { Redis } from 'ioredis';\nexport type P = Redis;",
    'wall-stores',
  ],
  [
    'src/audit/planted-pglite.ts',
    "import { PGlite } from '@electric-sql/pglite';\nexport const p = PGlite;",
    'wall-stores',
  ],
  ['src/accounts/planted-argon2.ts', "import { hash } from 'argon2';\nexport const p = hash;", 'wall-argon2'],
  ['src/web/index.ts', 'export const nothing = 0;', 'no-barrel'],
  ['src/pages/planted-barrel.ts', "import '../web/index.ts';", 'no-barrel'],
  ['src/helpers/planted.ts', 'export const nothing = 0;', 'room-without-floor'],
  ['src/pages/planted-helper.ts', "import '../helpers/planted.ts';", 'room-without-floor'],
  ['migrations/9999_planted.ts', "import '../src/config/clock.ts';", 'migration-imports-kysely-only'],
  ['src/pages/planted-test.ts', "import '../../test/planted.ts';", 'no-test-code'],
  ['src/pages/planted-dev.ts', "import { test } from 'vitest';\nexport const p = test;", 'no-dev-dependency'],
  ['src/pages/planted-missing.ts', "import './planted-nowhere.ts';", 'unresolvable'],
];

/** Targets of the plants, harmless in themselves. */
const targets = [
  'src/storage',
  'src/keys',
  'src/protocol',
  'src/pages',
  'src/observability',
  'src/web',
  'src/clients',
  'test',
];

function cruise(directory: string): { modules: number; violations: readonly Violation[] } {
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = join(root, '.dependency-cruiser.cjs');
  let output: string;
  try {
    output = execFileSync(
      process.execPath,
      [program, '--config', config, '--output-type', 'json', 'src', 'migrations'],
      {
        cwd: directory,
        encoding: 'utf8',
        maxBuffer: 256 * 1024 * 1024,
      },
    );
  } catch (error) {
    // Its exit code is the number of violations; the result stands on standard output all the same.
    output = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
  }
  const { summary, modules } = JSON.parse(output) as {
    modules: { source: string }[];
    summary: { violations: { rule: { name: string }; from: string; to: string }[] };
  };
  return {
    modules: modules.filter(({ source }) => source.startsWith('src/')).length,
    violations: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })),
  };
}

/** What the cruiser cannot see: the environment read outside config/, and files that nobody imports as barrels. */
function readSources(directory: string): readonly Violation[] {
  const violations: Violation[] = [];
  for (const file of globSync('src/**/*.ts', { cwd: directory })) {
    const text = readFileSync(join(directory, file), 'utf8');
    const reads = /\bprocess\s*(\??\.\s*env\b|\[)|from\s+['"](node:)?process['"]/.test(text);
    if (reads && !file.startsWith('src/config/'))
      violations.push({ rule: 'environment', from: file, to: 'process.env' });
    if (/(^|\/)index\.ts$/.test(file)) violations.push({ rule: 'no-barrel', from: file, to: file });
  }
  return violations;
}

function judge(directory: string) {
  const { modules, violations } = cruise(directory);
  return { modules, violations: [...violations, ...readSources(directory)] };
}

function plant(): string {
  const copy = mkdtempSync(join(tmpdir(), 'cardea-imports-'));
  for (const part of ['src', 'migrations', 'package.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    writeFileSync(join(copy, file), `${text}\n`);
  };
  for (const target of targets) write(`${target}/planted.ts`, 'export const planted = 1;');
  write('src/planted-top.ts', 'export const planted = 1;');
  write('src/pages/planted-env.ts', 'export const planted = process.env.HOME;');
  for (const [file, text] of planted) write(file, text);
  return copy;
}

const faults: string[] = [];
const tree = judge(root);
// A parser that reads nothing finds nothing wrong.
if (tree.modules < globSync('src/**/*.ts', { cwd: root }).length)
  faults.push(`only ${tree.modules} modules of src were read`);
for (const { rule, from, to } of tree.violations) faults.push(`${rule}: ${from} → ${to}`);

const copy = plant();
try {
  const found = judge(copy).violations;
  // A room without a floor, and a barrel, are found where they are imported or lie.
  const expected = [
    ...planted.filter(([file]) => file !== 'src/helpers/planted.ts'),
    ['src/pages/planted-env.ts', '', 'environment'] as const,
  ];
  for (const [file, , rule] of expected) {
    const seen = found.some(
      (one) => one.rule === rule && (one.from === file || (rule === 'no-cycle' && one.to === file)),
    );
    if (!seen) faults.push(`a planted violation was not found: ${rule} in ${file}`);
  }
  console.log(
    `imports: ${tree.modules} modules of src read; ${expected.length} planted violations, ${faults.length} faults`,
  );
} finally {
  rmSync(copy, { recursive: true, force: true });
}
for (const fault of faults) console.error(`  ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;
