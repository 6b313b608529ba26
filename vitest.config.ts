import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A process for each file: argon2, PGlite and the engine keep state that must not leak from file to file.
    pool: 'forks',
    // The files start databases, servers and browsers of their own; more at once starve each other on two cores.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
