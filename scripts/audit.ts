// Asks the registry for known holes in what ships (not in what only develops). High and critical ones fail.
// A registry that does not answer the question is said, and does not fail: no answer is not a finding.
import { spawnSync } from 'node:child_process';

interface Report {
  readonly metadata?: { readonly vulnerabilities?: Readonly<Record<string, number>> };
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>;
  readonly message?: string;
  readonly error?: { readonly summary?: string };
}

const { stdout, error } = spawnSync(
  'npm',
  ['audit', '--omit=dev', '--audit-level=high', '--json', '--fetch-retries=1'],
  {
    encoding: 'utf8',
    timeout: 90_000,
    shell: process.platform === 'win32',
  },
);

function parse(text: string): Report {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

const report = parse(stdout ?? '');
const counted = report.metadata?.vulnerabilities;
if (!counted) {
  const why = error?.message ?? report.message ?? report.error?.summary ?? 'no answer';
  console.log(`audit: NOT DONE, the registry does not answer it (${why})`);
} else {
  const serious = (counted.high ?? 0) + (counted.critical ?? 0);
  console.log(
    `audit: ${serious} serious and ${(counted.total ?? serious) - serious} other known holes in what ships`,
  );
  for (const [name, { severity, range }] of Object.entries(report.vulnerabilities ?? {})) {
    console.log(`  ${severity.padEnd(8)} ${name} ${range}`);
  }
  process.exitCode = serious > 0 ? 1 : 0;
}
