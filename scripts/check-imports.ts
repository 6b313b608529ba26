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
import { planted, targets } from './planted-imports.ts';

interface Violation {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));

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
  // Anything else is its own failure, such as a file that its parser cannot read.
  if (!output.startsWith('{')) throw new Error(`the import rules could not be checked: ${output.trim()}`);
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

/** A copy of what is checked, in the one form that the cruiser's parser reads. */
function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'cardea-imports-'));
  for (const part of ['src', 'migrations', 'package.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const file of globSync('src/**/*.ts', { cwd: copy })) {
    const text = readFileSync(join(copy, file), 'utf8');
    // It stops at a `using` declaration, which imports nothing.
    const known = text.replace(/^(\s*)(await )?using (\w+\s*[=:])/gm, '$1const $3');
    if (known !== text) writeFileSync(join(copy, file), known);
  }
  return copy;
}

function plant(copy: string): void {
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    writeFileSync(join(copy, file), `${text}\n`);
  };
  for (const target of targets) write(`${target}/planted.ts`, 'export const planted = 1;');
  write('src/planted-top.ts', 'export const planted = 1;');
  write('src/pages/planted-env.ts', 'export const planted = process.env.HOME;');
  for (const [file, text] of planted) write(file, text);
}

const faults: string[] = [];
const copy = copyTree();
try {
  const tree = judge(copy);
  // A parser that reads nothing finds nothing wrong.
  if (tree.modules < globSync('src/**/*.ts', { cwd: root }).length)
    faults.push(`only ${tree.modules} modules of src were read`);
  for (const { rule, from, to } of tree.violations) faults.push(`${rule}: ${from} → ${to}`);

  plant(copy);
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
