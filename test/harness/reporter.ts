import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** What the names of tests (or of the describes around them) say they ran on. */
const backends: readonly (readonly [string, RegExp])[] = [
  ['embedded (PGlite)', /\bon (embedded|pglite)\b(?! database)/i],
  ['Postgres', /\bon (a real )?(postgres|plain)\b|\bpostgres and redis\b|\bon full\b/i],
  ['Redis', /\bon (a real )?(redis(?! cluster)|full)\b|\bpostgres and redis\b/i],
  ['Redis Cluster', /\bon (a )?redis cluster\b/i],
  ['Chromium', /\bin (a real )?chromium\b/i],
];

export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly byBackend: ReadonlyMap<string, number>;
}

export interface CountingReporter extends Reporter {
  summary(): Summary;
}

/** Which backends a test ran on, by its full name. */
export function backendsOf(fullName: string): readonly string[] {
  return backends.filter(([, pattern]) => pattern.test(fullName)).map(([name]) => name);
}

/** Counts the tests of a run, all together and by backend; a file that cannot be loaded is a failed test. */
export function createCountingReporter(): CountingReporter {
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  const byBackend = new Map(backends.map(([name]) => [name, 0]));

  function countTest(test: TestCase, file: string): void {
    const { state } = test.result();
    if (state === 'failed') failed += 1;
    else if (state === 'passed') passed += 1;
    else skipped.push(test.fullName);
    if (state === 'skipped' || state === 'pending') return;
    // Everything under test/browser/ drives a real Chromium.
    const name = file.includes('/test/browser/') ? `${test.fullName} in chromium` : test.fullName;
    for (const backend of backendsOf(name)) byBackend.set(backend, (byBackend.get(backend) ?? 0) + 1);
  }

  return {
    onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]) {
      for (const module of modules) {
        const tests = [...module.children.allTests()];
        for (const test of tests) countTest(test, module.moduleId);
        const broken =
          module.errors().length +
          [...module.children.allSuites()].filter((suite) => suite.errors().length > 0).length;
        failed += broken;
        if (tests.length === 0 && broken === 0) failed += 1;
      }
      failed += unhandledErrors.length;
    },
    summary: () => ({ passed, failed, skipped, byBackend }),
  };
}
