import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'apps/*/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'scripts/test/**/*.test.mjs',
    ],
    // Two native runtimes at once on a small machine are slower than one after the other.
    maxWorkers: 2,
    testTimeout: 60_000,
    pool: 'forks',
  },
});
