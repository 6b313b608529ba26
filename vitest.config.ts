import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// What decides and renders: no database, no clock of the process moved, nothing that stays behind. The files of these
// rooms share two processes, since loading the code again for each costs more than their tests.
const light = ['config', 'observability', 'outbound', 'pages', 'portal', 'protocol', 'upstream', 'web'].map(
  (room) => `test/${room}/**/*.test.ts`,
);

/** Browsers and broken servers first: they take longest, and no process shall be left alone with one at the end. */
const long =
  /\/test\/(?:browser|faults|races)\/|\/flows\/(?:back-channel-logout|sign-up|logout|lifetimes)\.test\.ts$/;

/** Vitest's order within each project (larger files first where nothing is known), with the long ones ahead. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = [...new Set(sorted.map(({ project }) => project.name))];
    const place = ({ project, moduleId }: TestSpecification) =>
      2 * projects.indexOf(project.name) + (long.test(moduleId) ? 0 : 1);
    return sorted.sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    pool: 'forks',
    // The files wait a third of their time for databases, servers and browsers of their own: three fill two cores.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: 'light', include: light, isolate: false },
      },
      {
        extends: true,
        // A process for each file: argon2, PGlite and the engine keep state that must not leak from file to file.
        test: { name: 'whole', include: ['test/**/*.test.ts'], exclude: light },
      },
    ],
  },
});
