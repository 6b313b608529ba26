import { defineConfig } from 'vitest/config';

// What decides and renders: no database, no clock of the process moved, nothing that stays behind. The files of these
// rooms share two processes, since loading the code again for each costs more than their tests.
const light = ['config', 'observability', 'outbound', 'pages', 'portal', 'protocol', 'upstream', 'web'].map(
  (room) => `test/${room}/**/*.test.ts`,
);

export default defineConfig({
  test: {
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
